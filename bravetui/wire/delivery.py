"""What became of a rescue file: central's words on each of its bundles, taken together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bravetui.wire.messages import Delivered


@dataclass(frozen=True, slots=True)
class Delivery:
    """The words on all bundles of a file, in their order; one at least."""

    words: tuple[Delivered, ...]

    @property
    def device(self) -> int:
        """The laptop whose work it is."""
        return self.words[0].device

    @property
    def outcomes(self) -> dict[str, int]:
        """Changes by what became of them."""
        return _summed([word.outcomes for word in self.words])

    @property
    def photos(self) -> int:
        """Photos that central has now in one size or another, out of this file."""
        return max(_summed([word.photos for word in self.words]).values(), default=0)

    @property
    def kept(self) -> tuple[Delivered, ...]:
        """Those that central keeps for a manager."""
        return tuple(word for word in self.words if word.kept)

    @property
    def why(self) -> str:
        """Why, for a person."""
        return "; ".join(dict.fromkeys(word.why for word in self.kept))

    def as_json(self) -> dict[str, object]:
        """For programs: the sums, and each word with its signature, which of one alone is that of the whole."""
        each = [word.model_dump(mode="json") for word in self.words]
        sums = {"outcomes": self.outcomes, "photos": self.photos, "kept": bool(self.kept), "why": self.why}
        alone = {name: each[0][name] for name in ("bundle", "signature")} if len(each) == 1 else {}
        return {"device": self.device, **sums, "at": each[-1]["at"], **alone, "bundles": each}


def _summed(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))
