"""`python -m nincost._emulator.described JOB`: the program that runs a described step."""

from nincost._emulator.described.step_script import main

main()
