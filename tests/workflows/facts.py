"""Checks facts about the workflows that no linter checks, or only on some of its days.

Every action is pinned by a digest that docs/decisions/github-actions.md names, nothing is permitted to a workflow as a
whole, no expression is in a script, and no token is left behind by a checkout.
"""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
DECISION = (ROOT / "docs/decisions/github-actions.md").read_text()
# This repository's own: at the commit that runs, or at the base branch's.
OWN = {"$/.github/actions/dirops", "./base/.github/actions/dirops"}

# | `actions/checkout` | v7.0.1 | `<digest>` | where it was found |
RECORDED = {
    (match["action"], match["digest"]): match["version"]
    for match in re.finditer(r"\| `(?P<action>\S+)` \| (?P<version>v\S+) \| `(?P<digest>[0-9a-f]{40})` \|", DECISION)
}
faults = []


def check(holds, place, what):
    if not holds:
        faults.append(f"{place}: {what}")


def pins(path):
    """Checks what the lines say, comments included: the digest is for machines, the version for people."""
    found = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r"\s*(?:- )?uses:\s*(\S+)(?:\s+# (.*))?$", line)
        if not match or match[1] in OWN:
            continue
        place = f"{path.name}:{number}"
        pinned = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40})", match[1])
        check(pinned, place, f"{match[1]} is not pinned by a digest")
        if pinned:
            found.add(pinned.groups())
            check(RECORDED.get(pinned.groups()) == match[2], place, f"docs/decisions/github-actions.md has no {line.strip()}")
    return found


def steps(place, steps):
    for step in steps:
        name = f"{place}: {step.get('name') or step.get('id') or step.get('uses')}"
        check("${{" not in step.get("run", ""), name, "an expression in a script; pass it through env")
        if step.get("uses", "").startswith("actions/checkout@"):
            check(step.get("with", {}).get("persist-credentials") is False, name, "the checkout leaves its token behind")


def workflow(path):
    content = yaml.safe_load(path.read_text())
    # YAML takes the key `on` for true.
    triggers = content[True]
    check(content.get("permissions") == {}, path.name, "`permissions: {}` is missing")
    check("concurrency" in content, path.name, "there is no concurrency group")
    check("pull_request_target" not in triggers, path.name, "pull_request_target runs contributors' pull requests with secrets")
    for name, job in content["jobs"].items():
        place = f"{path.name}: {name}"
        check("permissions" in job, place, "the job does not say what it is permitted")
        check("timeout-minutes" in job, place, "the job has no time-out")
        steps(place, job["steps"])
        if "pull_request" in triggers:
            reads = all(access == "read" for access in job.get("permissions", {}).values())
            uploads = name == "code-scanning" and "head.repo.full_name == github.repository" in job.get("if", "")
            check(reads or uploads, place, "a job that contributors' code runs in may write")
            check("secrets." not in str(job), place, "a job that contributors' code runs in has secrets")


used = set()
for path in WORKFLOWS:
    workflow(path)
    used |= pins(path)
for path in ACTIONS:
    steps(path.name, yaml.safe_load(path.read_text())["runs"]["steps"])
    used |= pins(path)
for action, digest in set(RECORDED) - used:
    check(False, "docs/decisions/github-actions.md", f"{action}@{digest} is used nowhere")
check(WORKFLOWS and ACTIONS and used, ".github", "there are no workflows, actions or uses")

print("\n".join(faults) or f"{len(WORKFLOWS)} workflows, {len(used)} actions pinned by digests that are on record")
sys.exit(bool(faults))
