"""`python -m nincost`."""

from nincost._cli.main import run

if __name__ == "__main__":
    run()
