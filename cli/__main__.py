"""``python -m cli``: the same as ``jishi``."""

from cli.main import app

if __name__ == "__main__":
    app(prog_name="jishi")
