"""`python -m nincost`."""

from nincost.cli.main import run

if __name__ == "__main__":
    run()
