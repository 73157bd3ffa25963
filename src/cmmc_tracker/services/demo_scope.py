"""The demo's scope: an invented contractor's inventory, people and places, and two providers with matrices."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.inventory import AssetEntry, EntryKind, FlowEntry, GroupEntry, SurroundingEntry
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import AssetCategory, Basis, Duty, Held
from cmmc_tracker.services.scope import inventory, matrix, providers, surroundings
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts

_ENCLAVE, _SHOP = "Enclave 10.20.0.0/24", "Shop floor 10.30.0.0/24"
_ASSETS: tuple[dict[str, Any], ...] = (
    {
        "name": "HPP-FS1 file server",
        "kind": "Server",
        "model": "Dell PowerEdge R740",
        "serial": "7KQ2Z13",
        "category": AssetCategory.CUI,
        "owner": "Ada Ortiz",
        "location": "Server room",
        "network": _ENCLAVE,
        "cui_use": ["store", "transmit"],
        "treatment": "Keeps the drawings on an encrypted volume; only the engineering group may open it.",
        "on_diagram": True,
    },
    *(
        {
            "name": f"HPP-WS{number:02} workstation",
            "kind": "Workstation",
            "model": "HP Z2 G9",
            "serial": f"5CG30{number:02}XK",
            "category": AssetCategory.CUI,
            "owner": "Engineering",
            "location": "East wing",
            "network": _ENCLAVE,
            "cui_use": ["process", "transmit"],
            "group": "Engineering workstations",
        }
        for number in range(1, 13)
    ),
    {
        "name": "HPP-FW1 firewall",
        "kind": "Network device",
        "model": "Fortinet FortiGate 60F",
        "serial": "FortiOS 7.4.8",
        "category": AssetCategory.SECURITY_PROTECTION,
        "owner": "Ada Ortiz",
        "location": "Server room",
        "network": _ENCLAVE,
        "treatment": "Stands between the Internet, the office, the shop floor and the enclave.",
        "on_diagram": True,
    },
    {
        "name": "HPP-LOG1 log server",
        "kind": "Virtual machine",
        "serial": "Debian 12.9",
        "category": AssetCategory.SECURITY_PROTECTION,
        "owner": "Ada Ortiz",
        "location": "Server room",
        "network": _ENCLAVE,
        "treatment": "Collects the logs of the enclave and alarms Ada.",
    },
    {
        "name": "Office laptops",
        "kind": "Laptop",
        "category": AssetCategory.CONTRACTOR_RISK_MANAGED,
        "owner": "Office",
        "location": "Office",
        "treatment": "Not meant for CUI by policy; the firewall keeps them from the enclave.",
        "on_diagram": True,
    },
    {
        "name": "Mill 3 controller",
        "kind": "Machine tool",
        "model": "Siemens Sinumerik 840D",
        "serial": "NCU 730.3, 4.95",
        "category": AssetCategory.SPECIALIZED,
        "owner": "Shop floor",
        "location": "Hall 2",
        "network": _SHOP,
        "cui_use": ["process"],
    },
    {"name": "Lobby screen", "category": AssetCategory.OUT_OF_SCOPE, "location": "Lobby"},
    {"name": "Badge printer", "location": "Office"},
)
_PEOPLE = (
    ("Ada Ortiz", "System administrator", 40),
    ("Ben Lund", "Engineering lead", 420),
    ("Cho Park", "Mill 3", None),
)
_PLACES = (
    (EntryKind.FACILITY, "East wing", "Locked; engineering and the server room.", True),
    (EntryKind.FACILITY, "Hall 2", "The shop floor, with Mill 3.", True),
    (EntryKind.NETWORK, "Enclave", "10.20.0.0/24, behind HPP-FW1; only the VPN leads in.", True),
    (EntryKind.NETWORK, "Shop floor", "10.30.0.0/24; HPP-FW1 lets programs in and nothing out.", True),
    (EntryKind.NETWORK, "Guests", "A line of its own to the Internet; no way to any other network.", False),
)
_FLOWS = (
    (
        "Drawings of the customer",
        "Customer's portal",
        "HPP-FS1 file server",
        "TLS to the portal; the VPN inside.",
    ),
    ("Mill programs", "HPP-FS1 file server", "Mill 3 controller", "The shop floor network, one way through HPP-FW1."),
)
_PORTAL_LINES = (
    ("3.13.8[a]", Duty.SHARED, "The portal encrypts in transit; we use it by no other way."),
    ("3.13.8[b]", Duty.CUSTOMER, "We write down what protects CUI where no encryption does."),
    ("3.13.8[c]", Duty.SHARED, "The portal refuses anything below TLS 1.2; our browsers do, too."),
    ("3.13.16[a]", Duty.PROVIDER, "The portal keeps files on encrypted volumes."),
)
_MONITOR_LINES = (
    ("3.3.5[a]", Duty.SHARED, "They correlate the logs they get; we say which."),
    ("3.3.5[b]", Duty.PROVIDER, "They review alarms around the clock and call us."),
    ("3.14.6[a]", Duty.PROVIDER, "They watch the firewall's and the servers' logs for attacks."),
)


def fill(work: Work, main: Access) -> None:
    """Fill the scope of the demo's system."""
    for given in _ASSETS:
        inventory.add(work, main, AssetEntry.parse(given))
    alike = "Set up from one image, encrypted, managed, no local administrators."
    inventory.put_group(work, main, GroupEntry("Engineering workstations", alike, on_diagram=True), 0)
    today = work.today
    for name, function, days in _PEOPLE:
        trained = today - timedelta(days=days) if days is not None else None
        surroundings.add(work, main, SurroundingEntry(EntryKind.PERSON, name, function, True, trained))
    for kind, name, about, handles in _PLACES:
        surroundings.add(work, main, SurroundingEntry(kind, name, about, handles))
    for flow in _FLOWS:
        surroundings.add(work, main, FlowEntry(*flow))
    _providers(work, main)


def _providers(work: Work, main: Access) -> None:
    today = work.today
    contract = select(artifacts.c.id).where(artifacts.c.system_id == main.system_id, artifacts.c.kind == "contract")
    document = work.row(contract.order_by(artifacts.c.id))
    portal = ProviderEntry(
        "Bluewater Portal",
        is_cloud=True,
        holds=Held.CUI,
        services="The portal by which drawings come from the customer.",
        contract="BW-2025-118",
        basis=Basis.AUTHORIZED,
        basis_on=today - timedelta(days=300),
        matrix_on=today - timedelta(days=90),
        matrix_artifact_id=document.id if document else None,
    )
    monitor = ProviderEntry(
        "Tern Monitoring",
        holds=Held.SPD,
        services="Watches the logs of the enclave and calls when something is odd.",
        contact="desk@tern.example",
        matrix_on=today - timedelta(days=500),
    )
    for entry, lines in ((portal, _PORTAL_LINES), (monitor, _MONITOR_LINES)):
        number = providers.add(work, main, entry)
        for objective, duty, text in lines:
            matrix.put(work, main, number, parse_objective_id(objective), LineEntry(duty, text), seen=0)
