"""What does the demo repair? One edit with known flaws; NOTICE says where the photograph is from."""

from pathlib import Path

INSTRUCTION = "Change the color of the cup and the saucer to blue"
SOURCE = Path(__file__).with_name("source.jpg")
EDITED = Path(__file__).with_name("edited.jpg")
