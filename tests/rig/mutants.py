"""Breaks one line of the library after the other: each time a test that is named beside it has to fail.

The elector has a table of its own in `rust/tests/elector_model.rs`. This one is about what stands between a leader and the
ConfigMaps of its jobs: claims, the order of reads and writes, and what callers are told.

All lines are broken in one copy of the sources, each only while it is asked for: one build serves for all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import prepare
from .processes import end_on_signals
from .workspace import ROOT, progress

BATCH = "cluster/config_map/batch.rs"
CONTEXT = "cluster/context.rs"
DEATH_WATCH = "protocol/death_watch.rs"
GROUP_COMMIT = "protocol/group_commit.rs"
HAND_OVER = "protocol/elector/hand_over.rs"
JOB_MAP = "cluster/config_map/job_map.rs"
JOB_MAPS = "cluster/config_map/job_maps.rs"
MEMORY = "cluster/config_map/memory.rs"
OPEN_MAP = "cluster/config_map/open_map.rs"
REQUEST = "cluster/client/request.rs"
SEAT = "cluster/pod/seat.rs"
SERVICES = "cluster/services.rs"
WRITERS = "cluster/config_map/writers.rs"
# The tests of a file of the library itself are in one program, those of the simulation in another.
LIBRARY, SIMULATION = "lib", "simulation"


@dataclass(frozen=True)
class Mutant:
    """One line broken on purpose, and a test that fails then."""

    what: str
    file: str
    line: str
    # BROKEN in it is true while this mutant is asked for.
    broken: str
    program: str
    test: str


MUTANTS = [
    # Claims.
    Mutant(
        "a job's ConfigMap is opened without a claim",
        SERVICES,
        "self.jobs.claim(writer, grant, self.deadline()).await?;",
        "if !BROKEN { self.jobs.claim(writer, grant, self.deadline()).await?; }",
        SIMULATION,
        "config_maps::opening_claims_what_is_there_before_anything_is_read_from_it",
    ),
    Mutant(
        "a foreign claim is overwritten whoever holds the lock",
        JOB_MAP,
        "if (foreign || self.challenged) && !self.lock_is_ours().await? {",
        "if (foreign && !BROKEN || self.challenged) && !self.lock_is_ours().await? {",
        SIMULATION,
        "config_maps::opening_what_the_next_leader_has_claimed_is_refused",
    ),
    Mutant(
        "a conflict raises no question about the lock",
        JOB_MAP,
        "self.challenged = true;",
        "self.challenged = !BROKEN;",
        SIMULATION,
        "config_maps::stock_that_leads_and_keeps_our_claim_is_found_by_the_lock",
    ),
    Mutant(
        "all grants of a process share a claim",
        JOB_MAPS,
        "let claim = Edit::Claim(self.context.claim(grant));",
        "let claim = Edit::Claim(self.context.claim(if BROKEN { GrantId(1) } else { grant }));",
        SIMULATION,
        "config_maps::the_next_grant_of_the_same_process_claims_again",
    ),
    Mutant(
        "the claim is not written",
        JOB_MAP,
        "if foreign && let Err(refusal) = Edit::Claim(claim).apply(&mut object) {",
        "if foreign && !BROKEN && let Err(refusal) = Edit::Claim(claim).apply(&mut object) {",
        SIMULATION,
        "config_maps::a_map_whose_claim_somebody_took_away_is_claimed_again_by_whoever_holds_the_lock",
    ),
    Mutant(
        "the lock of another is taken for ours",
        CONTEXT,
        "Some(LockView::Held(record)) if record.holder_identity == self.identity => return Ok(Lock::Ours),",
        "Some(LockView::Held(record)) if record.holder_identity == self.identity || BROKEN => return Ok(Lock::Ours),",
        SIMULATION,
        "scenarios::a_leader_whose_clock_stood_still_does_not_write_what_the_next_has_claimed",
    ),
    # The grant.
    Mutant(
        "an edit rides with whatever grant there is",
        BATCH,
        ".extract_if(.., |edit| current != Some(edit.grant) || edit.deadline <= now)",
        ".extract_if(.., |edit| current.is_none() || current != Some(edit.grant) && !BROKEN || edit.deadline <= now)",
        LIBRARY,
        "batch::tests::an_edit_of_an_older_grant_does_not_ride_with_the_next",
    ),
    Mutant(
        "the grant is not looked at right before a write is sent",
        JOB_MAP,
        "if !self.context.grants.holds(grant) {\n            return Ok(());\n        }\n        let mut object = Value::clone(&base);",
        "if !self.context.grants.holds(grant) && !BROKEN {\n            return Ok(());\n        }\n        let mut object = Value::clone(&base);",
        LIBRARY,
        "job_map::tests::a_grant_that_ends_unnoticed_while_the_lock_is_read_sends_nothing",
    ),
    Mutant(
        "a deletion needs no permit",
        JOB_MAPS,
        "let api = if name == self.context.cluster_map {",
        "let api = if name == self.context.cluster_map || BROKEN {",
        SIMULATION,
        "endurance::a_deletion_that_waited_for_its_turn_waits_on_until_the_leadership_is_confirmed",
    ),
    Mutant(
        "a write that waits does not end with its grant",
        JOB_MAP,
        "() = grants.ended(grant) => self.interrupted(),",
        "() = grants.ended(grant), if !BROKEN => self.interrupted(),",
        SIMULATION,
        "config_maps::a_grant_that_ends_between_the_sending_and_the_reply_leaves_the_outcome_unknown",
    ),
    Mutant(
        "a read that waits does not end with its grant",
        OPEN_MAP,
        "let (Some(grant), Some(_)) = (grant, &self.writer) else {",
        "let (Some(grant), Some(_), false) = (grant, &self.writer, BROKEN) else {",
        SIMULATION,
        "config_maps::whoever_waits_for_an_answer_when_the_process_closes_hears_at_once",
    ),
    # Applied, refused, unknown.
    Mutant(
        "a write under way at the end of its grant counts as refused",
        BATCH,
        "self.riding.as_deref().or_else(lost)",
        "self.riding.as_deref().filter(|_| !BROKEN).or_else(lost)",
        LIBRARY,
        "batch::tests::nobody_is_told_that_nothing_was_written_while_his_write_is_under_way",
    ),
    Mutant(
        "a write that was lost counts as refused",
        JOB_MAP,
        "Err(WriteFailure::Unknown(error)) => {\n                self.batch.lost();",
        "Err(WriteFailure::Unknown(error)) => {\n                if BROKEN { self.batch.not_written() }\n                self.batch.lost();",
        SIMULATION,
        "config_maps::a_lost_reply_that_nobody_can_ask_about_is_an_unknown_outcome_at_the_deadline",
    ),
    Mutant(
        "a write that was interrupted counts as refused",
        JOB_MAP,
        "            self.batch.lost();\n        }\n        self.commit.not_written();\n        self.known = None;",
        "            if BROKEN { self.batch.not_written() } else { self.batch.lost() }\n"
        "        }\n        self.commit.not_written();\n        self.known = None;",
        SIMULATION,
        "config_maps::a_grant_that_ends_between_the_sending_and_the_reply_leaves_the_outcome_unknown",
    ),
    Mutant(
        "a write that has not left counts as interrupted",
        JOB_MAP,
        "if self.departure.withdraw() {",
        "if !BROKEN && self.departure.withdraw() {",
        SIMULATION,
        "config_maps::a_grant_that_ends_before_a_write_has_left_is_a_clean_refusal",
    ),
    Mutant(
        "a lost write is settled by a read that it can still come after",
        BATCH,
        "edit.doubt.take_if(|doubt| doubt.base != version)",
        "edit.doubt.take_if(|doubt| doubt.base != version || BROKEN)",
        LIBRARY,
        "batch::tests::a_lost_write_that_can_still_land_is_not_settled",
    ),
    Mutant(
        "a lost write counts as applied",
        BATCH,
        "&& decided == before",
        "&& (decided == before || BROKEN)",
        LIBRARY,
        "batch::tests::a_lost_write_that_did_not_land_is_decided_anew",
    ),
    Mutant(
        "a pointer that somebody took away counts as marked",
        BATCH,
        "*now == EditAnswer::Absent && *answer",
        "!BROKEN && *now == EditAnswer::Absent && *answer",
        LIBRARY,
        "batch::tests::a_pointer_that_somebody_took_away_does_not_show_that_it_was_marked",
    ),
    Mutant(
        "a lost write is not looked for",
        BATCH,
        "Some(doubt) if found(&edit, &doubt.answer) =>",
        "Some(doubt) if found(&edit, &doubt.answer) && !BROKEN =>",
        LIBRARY,
        "batch::tests::what_is_found_where_a_lost_write_would_have_left_it_is_its_success",
    ),
    Mutant(
        "what the next leader may have undone counts as refused",
        BATCH,
        "edit.doubt = Some(doubt).filter(|doubt| theirs && doubt.unheard);",
        "edit.doubt = Some(doubt).filter(|doubt| theirs && doubt.unheard && !BROKEN);",
        LIBRARY,
        "batch::tests::a_lost_write_that_the_next_leader_may_have_undone_stays_in_doubt",
    ),
    Mutant(
        "a conflict counts as an unknown outcome",
        BATCH,
        "edit.may_be_found(false);",
        "edit.may_be_found(BROKEN);",
        LIBRARY,
        "batch::tests::a_conflict_is_a_clean_refusal",
    ),
    Mutant(
        "an applied write answers those who came after it",
        BATCH,
        "pub(crate) fn written(&mut self) {\n        for edit in self.edits.extract_if(.., |edit| edit.proposed.is_some()) {",
        "pub(crate) fn written(&mut self) {\n        for edit in self.edits.extract_if(.., |edit| edit.proposed.is_some() || BROKEN) {",
        LIBRARY,
        "batch::tests::what_comes_while_a_write_is_under_way_is_not_answered_by_it",
    ),
    # Deletions.
    Mutant(
        "a job's ConfigMap is deleted whoever has claimed it",
        JOB_MAPS,
        "if Claim::of(object) != Some(self.context.claim(grant)) {",
        "if Claim::of(object) != Some(self.context.claim(grant)) && !BROKEN {",
        SIMULATION,
        "scenarios::a_leader_whose_clock_stood_still_does_not_delete_what_the_next_has_claimed",
    ),
    Mutant(
        "the cluster's ConfigMap is deleted whoever leads",
        JOB_MAPS,
        "LockView::Held(record) if record.holder_identity != self.context.identity => Some(record.holder_identity),",
        "LockView::Held(record) if record.holder_identity != self.context.identity && !BROKEN => Some(record.holder_identity),",
        SIMULATION,
        "config_maps::who_does_not_lead_leaves_the_cluster_map_of_the_leader",
    ),
    Mutant(
        "a deletion carries no resource version",
        REQUEST,
        '"preconditions": {"uid": uid, "resourceVersion": resource_version},',
        '"preconditions": {"uid": uid, if BROKEN { "was" } else { "resourceVersion" }: resource_version},',
        SIMULATION,
        "config_maps::a_map_that_this_leader_deleted_itself_stays_away",
    ),
    # Repair.
    Mutant(
        "a deleted ConfigMap is made anew without what was in it",
        JOB_MAP,
        "let mut object = remembered.map_or_else(",
        "let mut object = remembered.filter(|_| !BROKEN).map_or_else(",
        SIMULATION,
        "config_maps::a_deleted_map_is_made_anew_with_its_pointers_and_its_counter",
    ),
    Mutant(
        "a deleted ConfigMap is made anew at once",
        JOB_MAP,
        "if remembered.is_some() && !left.is_zero() {",
        "if remembered.is_some() && !left.is_zero() && !BROKEN {",
        SIMULATION,
        "config_maps::a_leader_that_is_leaving_brings_nothing_back",
    ),
    Mutant(
        "a deleted ConfigMap is made anew whoever holds the lock",
        JOB_MAP,
        "// Also when the cluster's ConfigMap is gone too: then the election finds out what that means.\n        if !self.lock_is_ours().await? {",
        "if !BROKEN && !self.lock_is_ours().await? {",
        SIMULATION,
        "config_maps::who_does_not_hold_the_lock_any_more_brings_nothing_back",
    ),
    Mutant(
        "every edit makes a ConfigMap that is missing",
        BATCH,
        "matches!(edit.edit, Edit::Claim(_))",
        "matches!(edit.edit, Edit::Claim(_)) || BROKEN",
        SIMULATION,
        "config_maps::a_map_that_this_leader_deleted_itself_stays_away",
    ),
    Mutant(
        "what was deleted on purpose is remembered all the same",
        MEMORY,
        "if !matches!(*state, State::GivenUp) {\n            *state = known",
        "if !matches!(*state, State::GivenUp) || BROKEN {\n            *state = known",
        LIBRARY,
        "memory::tests::what_was_given_up_comes_back_only_when_it_is_opened_again",
    ),
    Mutant(
        "what an earlier grant knew is good enough",
        MEMORY,
        "if *of == grant => Some(Arc::clone(object)),",
        "if *of == grant || BROKEN => Some(Arc::clone(object)),",
        LIBRARY,
        "memory::tests::what_one_grant_knew_is_nothing_to_the_next",
    ),
    Mutant(
        "what was read before a claim that was never heard of is forgotten",
        WRITERS,
        "known.writer().is_some() || awaits(known)",
        "known.writer().is_some() || !BROKEN && awaits(known)",
        SIMULATION,
        "config_maps::a_map_that_is_deleted_before_its_opening_was_heard_of_is_made_anew_with_what_was_in_it",
    ),
    # What is promised for a later write.
    Mutant(
        "an id in reserve is handed out again and again",
        GROUP_COMMIT,
        "self.reserved.take().map(EditAnswer::Counter)",
        "if BROKEN { self.reserved } else { self.reserved.take() }.map(EditAnswer::Counter)",
        LIBRARY,
        "group_commit::tests::the_write_that_adds_a_checkpoint_reserves_the_next_id",
    ),
    Mutant(
        "an id is in reserve before its write is applied",
        GROUP_COMMIT,
        "self.offered = reserve_counter(object);",
        "self.offered = reserve_counter(object);\n            if BROKEN { self.reserved = self.offered }",
        LIBRARY,
        "group_commit::tests::nothing_is_reserved_before_the_write_is_applied_and_nothing_by_one_that_was_lost",
    ),
    Mutant(
        "an addition of unknown outcome reserves an id",
        GROUP_COMMIT,
        "pub fn not_written(&mut self) {\n        self.offered = None;",
        "pub fn not_written(&mut self) {\n        if !BROKEN { self.offered = None; }",
        LIBRARY,
        "group_commit::tests::nothing_is_reserved_before_the_write_is_applied_and_nothing_by_one_that_was_lost",
    ),
    Mutant(
        "an id is reserved over one that is in reserve",
        GROUP_COMMIT,
        "if adds && !sets && self.reserved.is_none() {",
        "if adds && !sets && (self.reserved.is_none() || BROKEN) {",
        LIBRARY,
        "group_commit::tests::one_id_is_reserved_at_a_time",
    ),
    Mutant(
        "a write that sets the counter reserves an id",
        GROUP_COMMIT,
        "Edit::SetCounter(_) | Edit::RemoveCounter => sets = true,",
        "Edit::SetCounter(_) | Edit::RemoveCounter => sets = !BROKEN,",
        LIBRARY,
        "group_commit::tests::who_sets_or_removes_the_counter_drops_the_reserve_and_gets_none_in_the_same_write",
    ),
    Mutant(
        "who sets the counter leaves the reserve",
        GROUP_COMMIT,
        "self.reserved = None;\n                self.counter = None;",
        "self.reserved = self.reserved.filter(|_| BROKEN);\n                self.counter = None;",
        LIBRARY,
        "group_commit::tests::who_sets_or_removes_the_counter_drops_the_reserve_and_gets_none_in_the_same_write",
    ),
    Mutant(
        "an id that the stored counter does not cover stays in reserve",
        GROUP_COMMIT,
        "stored.is_some_and(|stored| *id < stored)",
        "stored.is_some_and(|stored| *id < stored || BROKEN)",
        LIBRARY,
        "group_commit::tests::a_counter_that_somebody_has_set_back_is_put_right",
    ),
    Mutant(
        "a counter that somebody has set back is believed",
        GROUP_COMMIT,
        "if let Some(least) = self.counter {",
        "if let Some(least) = self.counter && !BROKEN {",
        SIMULATION,
        "group_commit::a_counter_that_somebody_sets_back_is_put_right_with_the_next_write",
    ),
    Mutant(
        "a removal takes whatever the key holds",
        GROUP_COMMIT,
        "if config_map::entry(object, key) == Some(pointer) {",
        "if config_map::entry(object, key) == Some(pointer) || BROKEN {",
        LIBRARY,
        "group_commit::tests::nothing_but_the_marked_pointer_itself_is_removed",
    ),
    Mutant(
        "a live pointer is taken away later",
        GROUP_COMMIT,
        "if state_handle::is_marked(pointer) == Ok(true) => {",
        "if state_handle::is_marked(pointer) == Ok(true) || BROKEN => {",
        LIBRARY,
        "group_commit::tests::nothing_but_the_marked_pointer_itself_is_removed",
    ),
    Mutant(
        "a removal is forgotten with a write that was refused",
        GROUP_COMMIT,
        ".retain(|key, pointer| config_map::entry(object, key) == Some(pointer));",
        ".retain(|key, pointer| config_map::entry(object, key) == Some(pointer) && !BROKEN);",
        LIBRARY,
        "group_commit::tests::a_removal_is_promised_until_it_is_written_or_seen",
    ),
    Mutant(
        "removals are finished as soon as somebody asks",
        GROUP_COMMIT,
        "self.removals.is_empty().then_some(EditAnswer::Unchanged)",
        "(self.removals.is_empty() || BROKEN).then_some(EditAnswer::Unchanged)",
        SIMULATION,
        "group_commit::a_store_that_closes_takes_what_it_has_removed_with_it",
    ),
    Mutant(
        "a removed key does not leave with the next write",
        JOB_MAP,
        "self.commit.prepare(object);",
        "if !BROKEN { self.commit.prepare(object); }",
        SIMULATION,
        "group_commit::a_checkpoint_costs_two_writes_and_no_read",
    ),
    Mutant(
        "a reserve outlives its grant and its ConfigMap",
        JOB_MAP,
        "if !self.memory.is_of(grant) {\n            // Of another grant",
        "if !self.memory.is_of(grant) && !BROKEN {\n            // Of another grant",
        SIMULATION,
        "group_commit::the_next_grant_has_nothing_in_reserve",
    ),
    Mutant(
        "a ConfigMap that is made anew keeps the reserve",
        JOB_MAP,
        "self.commit.lost_its_object();",
        "if !BROKEN { self.commit.lost_its_object(); }",
        SIMULATION,
        "group_commit::a_map_that_is_made_anew_has_nothing_in_reserve",
    ),
    # Who has ended.
    Mutant(
        "two refusals count, however far apart",
        DEATH_WATCH,
        "refused.filter(|before| now.saturating_since(*before) <= TOGETHER)",
        "refused.filter(|before| now.saturating_since(*before) <= TOGETHER || BROKEN)",
        LIBRARY,
        "death_watch::tests::nothing_else_shows_anything",
    ),
    Mutant(
        "one refusal is enough",
        DEATH_WATCH,
        "let ended = before.is_some();",
        "let ended = before.is_some() || BROKEN;",
        LIBRARY,
        "death_watch::tests::an_end_is_confirmed_by_two_more_refusals_and_not_for_ever",
    ),
    Mutant(
        "a time-out between two refusals is passed over",
        DEATH_WATCH,
        "            (_, Contact::Refused | Contact::Failed | Contact::Ended) => self.seek(now),",
        "            (State::Suspicious { .. }, Contact::Failed) if BROKEN => {}\n"
        "            (_, Contact::Refused | Contact::Failed | Contact::Ended) => self.seek(now),",
        LIBRARY,
        "death_watch::tests::nothing_else_shows_anything",
    ),
    Mutant(
        "whoever accepts and closes is asked again at once",
        DEATH_WATCH,
        "if now.saturating_since(since) >= LASTING {",
        "if now.saturating_since(since) >= LASTING || BROKEN {",
        LIBRARY,
        "death_watch::tests::whoever_accepts_and_closes_is_asked_ever_more_rarely",
    ),
    Mutant(
        "the seat is tried for without a pause",
        SEAT,
        "self.next_try.is_some_and(|at| now < at)",
        "self.next_try.is_some_and(|at| now < at && !BROKEN)",
        LIBRARY,
        "seat::tests::one_has_it_until_it_is_gone",
    ),
    # Hand-overs.
    Mutant(
        "the lock is given away before its former holder has let go",
        HAND_OVER,
        "Some(Term { transitions, .. }) if handled => {",
        "Some(Term { transitions, .. }) if handled || BROKEN => {",
        SIMULATION,
        "switchovers::a_leader_that_works_gives_way_after_a_checkpoint_and_with_its_stores_closed",
    ),
    Mutant(
        "a hand-over waits for no checkpoint",
        HAND_OVER,
        "if somebody_is_there && (stored || waited || !asked.between_checkpoints) {",
        "if somebody_is_there && (stored || waited || BROKEN || !asked.between_checkpoints) {",
        SIMULATION,
        "switchovers::a_leader_that_works_gives_way_after_a_checkpoint_and_with_its_stores_closed",
    ),
    Mutant(
        "a lock is handed over although nobody is there",
        HAND_OVER,
        "let somebody_is_there = sight.is_some_and(",
        "let somebody_is_there = BROKEN || sight.is_some_and(",
        SIMULATION,
        "switchovers::a_leader_goes_on_where_nobody_is_there",
    ),
]


ASKED_FOR = "FLINKKUBEHA_MUTANT"
_SWITCH = f"""
/// Whether the mutant of this number is asked for.
pub(crate) fn broken(number: usize) -> bool {{
    std::env::var("{ASKED_FOR}").is_ok_and(|asked| asked == number.to_string())
}}
"""


def check(mutants: Sequence[Mutant]) -> None:
    """Every line to break has to stand in the sources once, and every test that is named somewhere."""
    sources = "\n".join(file.read_text() for file in sorted((ROOT / "rust").rglob("*.rs")))
    taken = Counter((mutant.file, mutant.line) for mutant in mutants)
    for mutant in mutants:
        if taken[mutant.file, mutant.line] > 1:
            raise SystemExit(f"{mutant.what}: another mutant breaks the same line in {mutant.file}")
        found = (ROOT / "rust" / "src" / mutant.file).read_text().count(mutant.line)
        if found != 1:
            raise SystemExit(f"{mutant.what}: the line stands {found} times in {mutant.file}")
        if f"fn {mutant.test.rsplit('::', 1)[-1]}(" not in sources:
            raise SystemExit(f"{mutant.what}: there is no test {mutant.test}")


def _copy(tree: Path, mutants: Sequence[Mutant]) -> None:
    """The sources in a place of their own, so that nothing is broken where somebody works, with every mutant in them."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in ("Cargo.toml", "Cargo.lock", "clippy.toml", "rust"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tree / name)
    sources = tree / "rust" / "src"
    with (sources / "lib.rs").open("a") as library:
        library.write(_SWITCH)
    for number, mutant in enumerate(mutants):
        file = sources / mutant.file
        file.write_text(file.read_text().replace(mutant.line, mutant.broken.replace("BROKEN", f"crate::broken({number})")))


def _build(tree: Path, target: Path) -> dict[str, Path]:
    """Builds the two programs of tests."""
    command = ["cargo", "test", "--offline", "--features=testing", "--no-run", "--message-format=json"]
    command += ["--lib", "--test", SIMULATION]
    environment = prepare.build_environment() | {"CARGO_TARGET_DIR": str(target)}
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, timeout=3600, check=True)
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    made = [one for one in messages if one.get("executable") and one["profile"]["test"]]
    return {SIMULATION if "simulation" in one["target"]["name"] else LIBRARY: Path(one["executable"]) for one in made}


def _runs(program: Path, test: str, mutant: int | None) -> str:
    """How the test ends: ok, FAILED, or what was said in place of that."""
    environment = dict(os.environ) | ({ASKED_FOR: str(mutant)} if mutant is not None else {})
    done = subprocess.run([str(program), test], env=environment, capture_output=True, text=True, timeout=300)
    found = re.search(rf"{test} \.\.\. (ok|FAILED)", done.stdout)
    return found[1] if found else f"the test was not run:\n{done.stdout}{done.stderr}"


def main() -> int:
    """Every mutant whose sentence contains one of the arguments, all without any; the exit code. With `--check` none is built."""
    end_on_signals()
    check(MUTANTS)
    if sys.argv[1:] == ["--check"]:
        return 0
    prepare.tools()
    prepare.rust()
    parts = sys.argv[1:]
    tree = ROOT / "build" / "mutants"
    _copy(tree, MUTANTS)
    programs = _build(tree, Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")))
    caught = lived = 0
    for number, mutant in enumerate(MUTANTS):
        if parts and not any(part in mutant.what for part in parts):
            continue
        program = programs[mutant.program]
        sound, broken = _runs(program, mutant.test, None), _runs(program, mutant.test, number)
        good = (sound, broken) == ("ok", "FAILED")
        caught, lived = caught + good, lived + (not good)
        verdict = "caught" if good else f"NOT caught (sound: {sound}, broken: {broken})"
        progress(f"{verdict}: {mutant.what}, by {mutant.test}")
    print(f"{caught} passed, {lived} failed, 0 skipped", flush=True)
    return 0 if caught and not lived else 1


if __name__ == "__main__":
    sys.exit(main())
