"""How the `evergreen` command prints: tables for people, one JSON document for programs."""

from evergreen.console.house import (
    api_keys,
    backed_up,
    backups,
    files,
    findings,
    migrated,
    new_key,
    prunings,
    repaired,
    restored,
)
from evergreen.console.models import (
    approvals,
    card,
    champion,
    comparison,
    decisions,
    digest,
    exported,
    fleet,
    promotion,
    promotions,
    releases,
    seen,
    service,
)
from evergreen.console.plans import compared, fleet_compared, fleet_plan, plan
from evergreen.console.printing import (
    counting,
    document,
    err,
    error,
    progress,
    say,
    sentence,
    show,
    user,
)
from evergreen.console.rows import ahead, back, declared, forgotten, landings, rows
from evergreen.console.runs import cycle, cycles, replay, scored, watched

__all__ = [
    "ahead", "api_keys", "approvals", "back", "backed_up", "backups", "card", "champion",
    "compared", "comparison", "counting", "cycle", "cycles", "decisions", "declared", "digest",
    "document", "err", "error", "exported", "files", "findings", "fleet", "fleet_compared",
    "fleet_plan", "forgotten", "landings", "migrated", "new_key", "plan", "progress", "promotion",
    "promotions", "prunings", "releases", "repaired", "replay", "restored", "rows", "say", "scored",
    "seen", "sentence", "service", "show", "user", "watched",
]  # fmt: skip
