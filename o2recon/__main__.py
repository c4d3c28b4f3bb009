"""`python -m o2recon`: the console command, where its script is not on the path."""

from o2recon.cli.main import main

if __name__ == "__main__":
    main()
