"""Texts of the security plan as pages show them: what they refer to is a link to it, by its name of the day."""

from collections.abc import Mapping

from flask import url_for
from markupsafe import Markup

from cmmc_tracker.domain.ssp import Reference, Subject
from cmmc_tracker.reports.markup import markdown

Things = Mapping[Reference, tuple[str, str]]


def things(slug: str, names: Mapping[Reference, str]) -> Things:
    """The name and the address of each thing: each has its page."""
    return {one: (name, _address(slug, one)) for one, name in names.items()}


def _address(slug: str, one: Reference) -> str:
    if one.subject is Subject.ARTIFACT:
        return url_for("artifacts.show", artifact_id=one.number)
    if one.subject is Subject.ASSET:
        return url_for("scope.asset", slug=slug, asset_id=one.number)
    return url_for("providers.show", slug=slug, provider_id=one.number)


def plan_text(text: str, known: Things) -> Markup:
    """The HTML of a text of the plan. Sanitised by `markdown` itself."""
    return Markup(markdown(text, known))  # noqa: S704
