"""What became of a run, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from metroem_core.readable import duration

from .facts import Facts
from .markup import Markup, join, tag

WORDS = {
    "done": "finished",
    "failed": "failed",
    "unfinished": "not finished",
    "not started": "not complete",
}


def heading(facts: Facts) -> Markup:
    """The name of the run, and what became of it."""
    state = tag("span", WORDS[facts.state], class_=f"state {facts.state}")
    record = facts.record
    versions = [f"{name} {version}" for name, version in record.get("packages", {}).items()]
    words = [count(len(facts.steps), "step"), *when(facts), *versions]
    if "python" in record:
        words.append(f"Python {record['python']}")
    shown = join([tag("span", word) for word in words], " · ")
    meta = tag("p", state, " ", shown, class_="soft meta")
    return join([tag("h1", facts.folder.absolute().name), meta])


def when(facts: Facts) -> Iterator[str]:
    """How long all steps took, and when the last ended."""
    took = sum(step.seconds or 0 for step in facts.steps)
    if took:
        yield duration(took, fine=True)
    ends = [str(each["at"]) for each in facts.record["finished"].values() if "at" in each]
    if ends:
        yield f"{max(ends)[:16].replace('T', ' ')} UTC"


def failures(facts: Facts) -> Iterator[Markup]:
    """What failed, and why."""
    for step in facts.steps:
        if step.state == "failed":
            story: Any = ""
            if facts.traceback:
                story = tag(
                    "details", tag("summary", "Traceback"), tag("pre", facts.traceback, tabindex=0)
                )
            title = tag("h2", f"{step.label} failed")
            yield tag("div", title, tag("p", step.log.error), story, class_="plate failure")


def warned(lines: Sequence[str]) -> Iterator[Markup]:
    """What a person should know."""
    if lines:
        items = tag("ul", *(tag("li", line) for line in lines))
        yield tag("div", tag("h2", "Worth knowing"), items, class_="plate warning")


def count(number: int, word: str) -> str:
    """A number of things."""
    return f"{number} {word}{'s' * (number != 1)}"
