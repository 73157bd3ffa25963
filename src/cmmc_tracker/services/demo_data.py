"""What the demo holds: an invented contractor with twelve workstations, half way through its first assessment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cmmc_tracker.domain.held import Held
from cmmc_tracker.reports import demo_files as make


@dataclass(frozen=True, slots=True)
class DemoArtifact:
    """One artifact: a file, what is said of it, and what it is evidence for.

    `age` is how many days ago it was collected; `covers` how many days before that its time begins.
    """

    filename: str
    content: Callable[[], bytes]
    title: str
    kind: str
    age: int
    covers: int
    objectives: str
    locator: str = ""
    shows: str = ""
    description: str = ""


def _policy(title: str, *sections: tuple[str, str]) -> Callable[[], bytes]:
    return lambda: make.pdf(title, sections)


ARTIFACTS = (
    DemoArtifact(
        "Access control policy v2.pdf",
        _policy(
            "Access control policy",
            ("Purpose", "Only people, programs and devices that were approved reach systems that hold CUI."),
            ("Approval", "The IT manager approves each account in writing before it is made. Approvals are kept."),
            ("Least privilege", "Everybody gets the rights that the task needs. Administrators have a second account."),
            ("Remote access", "Remote access goes through the VPN gateway only, with a second factor."),
        ),
        "Access control policy",
        "policy",
        60,
        300,
        "3.1.1[a] 3.1.1[b] 3.1.1[c] 3.1.2[a] 3.1.5[a] 3.1.5[c] 3.1.12[a] 3.1.12[b] 3.1.14[a]",
        "sections 2 to 4",
        "who approves access, and the rule of least privilege",
        "Reviewed every year by the owner and the IT manager.",
    ),
    DemoArtifact(
        "account-list-2026Q4.csv",
        lambda: make.csv(
            [
                ["account", "person", "group", "approved_by", "approved_on"],
                ["mhalvorsen", "M. Halvorsen", "Owners", "M. Halvorsen", "2026-01-12"],
                ["ada.ortiz", "Ada Ortiz", "IT", "M. Halvorsen", "2026-01-12"],
                ["adm-ortiz", "Ada Ortiz", "Domain admins", "M. Halvorsen", "2026-01-12"],
                ["bo.lindgren", "Bo Lindgren", "Engineering CUI", "Ada Ortiz", "2026-02-03"],
                ["cal.reyes", "Cal Reyes", "Purchasing", "Ada Ortiz", "2026-03-18"],
                ["svc-backup", "backup service", "Services", "Ada Ortiz", "2026-01-15"],
            ]
        ),
        "Account list, fourth quarter",
        "configuration_export",
        9,
        90,
        "3.1.1[a] 3.1.1[b] 3.1.1[d] 3.1.5[b] 3.5.1[a] 3.5.1[b] 3.5.2[a]",
        "all rows",
        "each account with its owner and approval",
    ),
    DemoArtifact(
        "vpn-mfa-setting.png",
        lambda: make.screenshot(
            "VPN gateway: sign-in",
            [("Second factor", "required"), ("Applies to", "all users"), ("Session limit", "8 hours")],
        ),
        "VPN gateway, second factor required",
        "screenshot",
        14,
        0,
        "3.1.12[c] 3.5.3[b] 3.5.3[c]",
        "whole picture",
        "the second factor is on for remote sign-in",
    ),
    DemoArtifact(
        "network-diagram-v3.png",
        make.diagram,
        "Network diagram, version 3",
        "diagram",
        40,
        40,
        "3.1.3[c] 3.12.4[b] 3.13.1[a] 3.13.1[b] 3.13.5[a]",
        "whole picture",
        "the CUI boundary and the ways across it",
    ),
    DemoArtifact(
        "System security plan.docx",
        lambda: make.word(
            "System security plan, main enclave",
            [
                ("System boundary", "One file server, one firewall and twelve workstations in the locked east wing."),
                ("Environment", "A small machine shop; the shop floor network carries no CUI."),
                ("How requirements are met", "By requirement, in the tracker; this document names the common rules."),
                ("Connections", "Customers send drawings through the portal named in contract annex B."),
                ("Review", "Every twelve months, and after each change that matters. Last review in October."),
            ],
        ),
        "System security plan",
        "plan",
        35,
        330,
        "3.12.4[a] 3.12.4[b] 3.12.4[c] 3.12.4[d] 3.12.4[e] 3.12.4[f] 3.12.4[g] 3.12.4[h]",
        "chapters 1 to 5",
        "the plan as it is in force",
    ),
    DemoArtifact(
        "training-records-2026.xlsx",
        lambda: make.excel(
            "Training 2026",
            [
                ["Person", "Course", "Date", "Result"],
                ["Ada Ortiz", "Administrator duties", "2026-03-04", "passed"],
                ["Bo Lindgren", "Handling CUI", "2026-03-05", "passed"],
                ["Cal Reyes", "Handling CUI", "2026-03-05", "passed"],
                ["All staff", "Insider threat", "2026-09-16", "passed"],
            ],
        ),
        "Training records 2026",
        "training_record",
        50,
        280,
        "3.2.1[c] 3.2.1[d] 3.2.2[a] 3.2.2[c] 3.2.3[a] 3.2.3[b]",
        "sheet Training 2026",
        "who was trained in what, and when",
    ),
    DemoArtifact(
        "log-review-october.txt",
        lambda: make.text(
            [
                "Log review, October 2026, by Ada Ortiz",
                "",
                "06 Oct  no findings",
                "13 Oct  four failed sign-ins of cal.reyes, a forgotten password, ticket 311",
                "20 Oct  no findings",
                "27 Oct  a USB stick refused on WS-07, ticket 318",
            ]
        ),
        "Log review, October",
        "log",
        24,
        31,
        "3.3.1[d] 3.3.3[b] 3.3.5[b]",
        "whole file",
        "logs are read every week and findings are followed",
    ),
    DemoArtifact(
        "audit-settings.png",
        lambda: make.screenshot(
            "Audit policy of the domain",
            [
                ("Sign-in events", "success, failure"),
                ("Object access", "CUI share"),
                ("Log size", "4 GB"),
                ("Forwarded to", "HPP-LOG1"),
            ],
        ),
        "Audit policy of the domain",
        "screenshot",
        30,
        0,
        "3.3.1[a] 3.3.1[b] 3.3.1[c] 3.3.2[a] 3.3.2[b] 3.3.8[a]",
        "whole picture",
        "which events are recorded and where they go",
    ),
    DemoArtifact(
        "baseline-workstations.md",
        lambda: make.text(
            [
                "# Workstation baseline",
                "",
                "| Setting | Value |",
                "|---|---|",
                "| Image | HPP-W11-2026-08 |",
                "| Disk encryption | on, FIPS mode |",
                "| Screen lock | 10 minutes |",
                "| USB storage | blocked |",
                "",
                "Changes go through a ticket that the IT manager approves.",
            ]
        ),
        "Workstation baseline",
        "procedure",
        80,
        80,
        "3.1.10[a] 3.1.10[b] 3.4.1[a] 3.4.1[b] 3.4.2[a] 3.8.7[a]",
        "table",
        "the approved settings of all workstations",
    ),
    DemoArtifact(
        "inventory.xlsx",
        lambda: make.excel(
            "Inventory",
            [
                ["Name", "Type", "Owner", "Location", "Holds CUI"],
                ["HPP-FS1", "file server", "Ada Ortiz", "server room", "yes"],
                ["HPP-FW1", "firewall", "Ada Ortiz", "server room", "no"],
                *[[f"WS-{n:02d}", "workstation", "engineering", "east wing", "yes"] for n in range(1, 13)],
            ],
        ),
        "Inventory of hardware",
        "record",
        20,
        20,
        "3.4.1[d] 3.4.1[e] 3.4.1[f] 3.1.1[c] 3.5.1[c]",
        "sheet Inventory",
        "every device with its owner and place",
    ),
    DemoArtifact(
        "Incident response plan.pdf",
        _policy(
            "Incident response plan",
            ("Roles", "The IT manager leads, the owner decides on reports to customers and the DoD."),
            ("Steps", "Detect, contain, keep the evidence, mend, learn. The phone list is in annex A."),
            ("Reporting", "Incidents that touch CUI are reported within 72 hours."),
        ),
        "Incident response plan",
        "plan",
        120,
        250,
        "3.6.1[a] 3.6.1[b] 3.6.1[c] 3.6.1[d] 3.6.2[c] 3.6.2[d]",
        "sections 1 to 3",
        "who does what when something happens",
    ),
    DemoArtifact(
        "visitor-log-october.csv",
        lambda: make.csv(
            [
                ["date", "visitor", "company", "escorted by", "in", "out"],
                ["2026-10-06", "R. Blum", "Calibration service", "Bo Lindgren", "09:10", "11:40"],
                ["2026-10-21", "T. Nakano", "Customer audit", "M. Halvorsen", "13:00", "16:20"],
            ]
        ),
        "Visitor log, October",
        "log",
        22,
        31,
        "3.10.3[a] 3.10.3[b] 3.10.4[a]",
        "all rows",
        "visitors are escorted and recorded",
    ),
    DemoArtifact(
        "door-badges.xlsx",
        lambda: make.excel(
            "Badges",
            [
                ["Badge", "Person", "Doors", "Issued"],
                ["0041", "M. Halvorsen", "all", "2025-06-01"],
                ["0042", "Ada Ortiz", "all", "2025-06-01"],
                ["0047", "Bo Lindgren", "east wing", "2026-02-03"],
            ],
        ),
        "Badges and doors",
        "record",
        33,
        33,
        "3.10.1[a] 3.10.1[b] 3.10.5[a] 3.10.5[b]",
        "sheet Badges",
        "who may open which door",
    ),
    DemoArtifact(
        "vulnerability-scan-2026-10.csv",
        lambda: make.csv(
            [
                ["host", "finding", "severity", "found", "mended"],
                ["HPP-FS1", "missing update", "high", "2026-10-12", "2026-10-14"],
                ["WS-03", "old PDF reader", "medium", "2026-10-12", "2026-10-19"],
                ["HPP-FW1", "none", "", "2026-10-12", ""],
            ]
        ),
        "Vulnerability scan, October",
        "record",
        42,
        31,
        "3.11.2[a] 3.11.2[b] 3.11.2[d] 3.14.1[a] 3.14.1[c]",
        "all rows",
        "scans are run and findings mended in time",
    ),
    DemoArtifact(
        "firewall-rules.txt",
        lambda: make.text(
            [
                "HPP-FW1 rule export",
                "10 allow enclave -> portal.example tcp/443",
                "20 allow vpn -> enclave tcp/3389 mfa",
                "30 deny shopfloor -> enclave any log",
                "99 deny any any log",
            ]
        ),
        "Firewall rules",
        "configuration_export",
        12,
        0,
        "3.1.3[d] 3.13.1[c] 3.13.1[e] 3.13.6[a] 3.13.6[b]",
        "rules 10 to 99",
        "everything that is not allowed is refused",
    ),
    DemoArtifact(
        "antivirus-status.png",
        lambda: make.screenshot(
            "Endpoint protection", [("Devices", "14 of 14"), ("Signatures", "today"), ("Real-time scan", "on")]
        ),
        "Endpoint protection, all devices",
        "screenshot",
        6,
        0,
        "3.14.2[a] 3.14.2[b] 3.14.4[a] 3.14.5[c]",
        "whole picture",
        "protection runs and is up to date on every device",
    ),
    DemoArtifact(
        "media-destruction-record.pdf",
        _policy("Media destruction record", ("Drive", "Drive of WS-02, shredded on site, witnessed by Ada Ortiz.")),
        "Media destruction record",
        "record",
        140,
        0,
        "3.8.3[a] 3.8.3[b]",
        "page 1",
        "a drive that held CUI was shredded",
    ),
    DemoArtifact(
        "cloud-provider-contract.pdf",
        _policy(
            "Service contract, customer portal (excerpt)",
            ("Annex B", "The provider keeps an authorization at the moderate level and reports incidents in 72 hours."),
        ),
        "Contract with the portal provider",
        "contract",
        200,
        200,
        "3.1.20[a] 3.1.20[b]",
        "annex B",
        "what the provider promises",
    ),
)

# Two photographs that show drawings, so they stay in the enclave; only their places and hashes are here.
HELD = (
    Held("\\\\enclave\\evidence\\marked-drives-1.jpg", "5f1a8c0e" * 8, 2_418_113, "marked-drives-1.jpg", "image/jpeg"),
    Held("\\\\enclave\\evidence\\marked-drives-2.jpg", "9b3d27e4" * 8, 2_377_902, "marked-drives-2.jpg", "image/jpeg"),
)
HELD_FACTS = {"title": "Photographs of the marked drives", "kind": "record"}
HELD_OBJECTIVES = "3.8.4[a] 3.8.4[b]"

# Judged wholly MET unless named below; the rest of the 110 is not assessed yet.
# fmt: off
JUDGED = (
    "3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.1.5", "3.1.6", "3.1.7", "3.1.8", "3.1.9", "3.1.10", "3.1.11", "3.1.12",
    "3.1.13", "3.1.14", "3.1.16", "3.1.17", "3.1.18", "3.1.20", "3.1.22", "3.2.1", "3.2.2", "3.2.3", "3.3.1",
    "3.3.2", "3.3.3", "3.3.5", "3.3.8", "3.3.9", "3.4.1", "3.4.2", "3.4.3", "3.4.5", "3.4.6", "3.5.1", "3.5.2",
    "3.5.3", "3.5.4", "3.5.7", "3.5.8", "3.5.10", "3.5.11", "3.6.1", "3.6.2", "3.6.3", "3.7.1", "3.7.2", "3.8.1",
    "3.8.3", "3.8.7", "3.9.1", "3.9.2", "3.10.1", "3.10.2", "3.10.3", "3.10.4", "3.10.5", "3.10.6", "3.11.1",
    "3.11.2", "3.12.1", "3.12.2", "3.12.4", "3.13.1", "3.13.2", "3.13.5", "3.13.6", "3.13.8", "3.13.11", "3.14.1",
    "3.14.2", "3.14.4",
)
# fmt: on

# How many days ago they were judged, in their order: a look at a family or two each month.
JUDGED_DAYS = (150, 128, 104, 83, 61, 38, 17)

NOT_MET: Mapping[str, str] = {
    "3.1.3[e]": "The rule between shop floor and enclave was open on 3 Nov for a machine update; ticket 322.",
    "3.1.11[b]": "Sessions on the shop terminals do not end by themselves; the setting comes with the next image.",
    "3.3.9[b]": "All members of the IT group can change the logging; the group is to be split.",
    "3.5.3[d]": "Sign-in at the workstations inside the enclave has no second factor yet.",
    "3.6.3[a]": "The plan was not exercised this year; a table-top exercise is set for January.",
    "3.13.11[a]": "The portable drives are encrypted, but the module is not validated.",
}
PARTIAL = ("3.5.3", "3.13.11")
NOT_APPLICABLE: Mapping[str, str] = {
    "3.1.16": "No wireless network reaches the enclave: forbidden by policy section 6 and checked by the scan.",
    "3.1.17": "No wireless network reaches the enclave: forbidden by policy section 6 and checked by the scan.",
    "3.1.18": "Mobile devices are forbidden in the east wing; lockers stand at its door.",
}

NARRATIVES: Mapping[str, str] = {
    "3.1.1": "Accounts are approved in writing by the IT manager and reviewed every quarter against the staff list.\n\n"
    "- People: `Engineering CUI` is the only group that reaches the CUI share.\n"
    "- Programs: service accounts are listed with their owner.\n"
    "- Devices: only inventoried workstations can join the domain.",
    "3.5.3": "The VPN and all administrator accounts ask for a **second factor**. Local sign-in follows with the new "
    "keys, ordered in November.",
    "3.12.4": "This plan is reviewed every twelve months, and after each change that matters.",
    "3.13.1": "One firewall stands between the Internet, the office, the shop floor and the enclave; see "
    "[[network-diagram-v3.png]].",
}
