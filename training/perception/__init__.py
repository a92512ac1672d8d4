"""How is the 8B detector of the paper trained? LoRA and a saliency decoder; see README.md."""
