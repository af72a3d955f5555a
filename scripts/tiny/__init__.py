"""How lmc-tiny is made: a seeded world, the tasks about it, a tokenizer, training and the model card.

Everything that the model ever sees is written by this package. Run it through `scripts/train_tiny.py`.
"""
