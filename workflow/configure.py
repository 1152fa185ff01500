"""`make config`: write config.yaml, its JSON schema and docs/configuration.md from the definitions of the settings."""

from pathlib import Path

from pinnscape.study import pages

PROJECT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    for name, text in pages.files().items():
        (PROJECT / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")
