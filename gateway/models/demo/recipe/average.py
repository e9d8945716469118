"""Averages two models that train.py wrote: average.py A.gguf B.gguf SHARE OUT.gguf

What a further stage learns and what it forgets lie in different directions; a model between the two has most of both
(Wortsman et al., 2022, "Model soups").
"""
import sys

import train


def main():
    first, second, share, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    model, other = train.Model(), train.Model()
    tokenizer = train.restore(model, first)
    if train.restore(other, second).merges != tokenizer.merges:
        sys.exit("the two have different tokenizers")
    theirs = other.state_dict()
    model.load_state_dict({k: (1 - share) * v + share * theirs[k] for k, v in model.state_dict().items()})
    train.export(model, tokenizer, out)


if __name__ == "__main__":
    main()
