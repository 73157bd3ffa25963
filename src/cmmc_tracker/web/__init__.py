"""The pages: one folder a room, `views.py` beside its templates. A new page is a new entry in `PAGES`."""

from flask import Flask

from cmmc_tracker.web import look
from cmmc_tracker.web.about.views import pages as about
from cmmc_tracker.web.accounts.views import pages as accounts
from cmmc_tracker.web.artifacts import pages as artifacts
from cmmc_tracker.web.assess.views import pages as assess
from cmmc_tracker.web.audit.views import pages as audit
from cmmc_tracker.web.dashboard.views import pages as dashboard
from cmmc_tracker.web.documents.views import pages as documents
from cmmc_tracker.web.duties.views import pages as duties
from cmmc_tracker.web.exports.views import pages as exports
from cmmc_tracker.web.health.views import pages as health
from cmmc_tracker.web.imports.views import pages as imports
from cmmc_tracker.web.links.views import pages as links
from cmmc_tracker.web.memberships.views import pages as memberships
from cmmc_tracker.web.packages import pages as packages
from cmmc_tracker.web.people.views import pages as people
from cmmc_tracker.web.poam import pages as poam
from cmmc_tracker.web.portfolio.views import pages as portfolio
from cmmc_tracker.web.profile.views import pages as profile
from cmmc_tracker.web.providers import pages as providers
from cmmc_tracker.web.quarantine.views import pages as quarantine
from cmmc_tracker.web.readiness.views import pages as readiness
from cmmc_tracker.web.requests.views import pages as requests
from cmmc_tracker.web.requirements import pages as requirements
from cmmc_tracker.web.rules.views import pages as rules
from cmmc_tracker.web.scope import pages as scope
from cmmc_tracker.web.score.views import pages as score
from cmmc_tracker.web.second_factor.views import pages as second_factor
from cmmc_tracker.web.settings.views import pages as settings
from cmmc_tracker.web.sharing.views import pages as sharing
from cmmc_tracker.web.spills.views import pages as spills
from cmmc_tracker.web.ssp import pages as ssp
from cmmc_tracker.web.status.views import pages as status
from cmmc_tracker.web.systems.views import pages as systems
from cmmc_tracker.web.trash.views import pages as trash
from cmmc_tracker.web.triage.views import pages as triage
from cmmc_tracker.web.users.views import pages as users
from cmmc_tracker.web.viewing.views import pages as viewing
from cmmc_tracker.web.viewing.word import pages as package_word

PAGES = [
    *(about, accounts, artifacts, assess, audit, dashboard, documents, duties, exports, health, imports, links),
    *(memberships, packages, people, poam, portfolio, profile, providers, quarantine, readiness, requests),
    *(requirements, rules, scope, score, second_factor, settings, ssp, status, systems, trash, triage),
    *(package_word, sharing, spills, users),
]


def join(app: Flask) -> None:
    """Add the pages, and what their templates share, to the app."""
    look.watch(app)
    for pages in PAGES:
        app.register_blueprint(pages)
    app.register_blueprint(viewing, url_prefix="/assessor/<int:view_id>")
    app.register_blueprint(viewing, name="package_link", url_prefix="/link/<token>/package")
