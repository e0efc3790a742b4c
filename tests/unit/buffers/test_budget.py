"""The budget against pouring drop by drop, and what its members are told, when and by whom."""

import gc
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.buffers import budget as budgets
from livewidget.buffers.budget import Budget, default_bytes, fair_shares, parse_bytes
from livewidget.data.errors import SettingError


def poured(total, claims):
    """Give one byte after another to whoever has least and still wants; equal ones all or none."""
    shares = [0] * len(claims)
    while True:
        open_ = [i for i, claim in enumerate(claims) if shares[i] < claim]
        if not open_ or sum(shares) + len(open_) > total:
            return shares
        for i in open_:
            shares[i] += 1


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 300), st.lists(st.integers(0, 120), max_size=8))
def test_shares_are_those_of_pouring(total, claims):
    shares, twin = fair_shares(total, claims), poured(total, claims)
    assert sum(shares) <= total
    assert all(0 <= share <= claim for share, claim in zip(shares, claims, strict=True))
    assert all(abs(a - b) <= 1 for a, b in zip(shares, twin, strict=True))
    assert sum(shares) == min(total, sum(claims))


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "drop", "report", "resize"]),
        st.integers(0, 7),
        st.integers(0, 2000),
        st.none() | st.integers(1, 800),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(ACTS)
def test_the_allowances_are_fair_and_never_pass_the_budget_whatever_happens(acts):
    budget = Budget(1000)
    members, told = [], {}
    for act, which, size, most in acts:
        if act == "join":
            heard = []
            member = budget.join("m", wants=size, own_most=most, on_change=heard.append)
            heard.append(member.allowance)
            members.append(member)
            told[member.seat] = heard
            del member
        elif act == "resize":
            budget.max_bytes = size + 1
        elif members and act == "report":
            member = members[which % len(members)]
            assert member.report(size) == member.allowance
            del member
        elif members:
            member = members.pop(which % len(members))
            if act == "leave":
                member.leave()
                assert member.allowance == 0
            del member
            budget.max_bytes = budget.max_bytes  # shares what the dropped one had
        assert budget.members() == members
        assert budget.allowed <= budget.max_bytes
        claims = [each.claim for each in members]
        shares = [each.allowance for each in members]
        assert shares == fair_shares(budget.max_bytes, claims)
        assert all(told[each.seat][-1] == each.allowance for each in members)
        assert all(keeps_its_band(each) for each in members)


def keeps_its_band(member):
    needs = min(member.wants, member.own_most or member.wants)
    return needs <= member.claim <= 2 * needs


def test_who_needs_less_gets_it_and_the_rest_is_split_equally():
    budget = Budget(1000)
    small = budget.join("small", wants=80)
    first = budget.join("first", wants=5000)
    second = budget.join("second", wants=900)
    assert (small.allowance, first.allowance, second.allowance) == (90, 455, 455)
    capped = budget.join("capped", wants=900, own_most=50)
    assert (capped.allowance, first.allowance, second.allowance) == (50, 430, 430)


def test_small_reports_move_nobody():
    budget = Budget(10_000)
    heard = []
    other = budget.join("other", wants=9000, on_change=heard.append)
    member = budget.join("member", wants=800)
    heard.clear()
    allowances = {member.report(wants) for wants in [*range(800, 900), *range(900, 450, -1)]}
    assert allowances == {900}
    assert heard == []
    assert member.report(901) == 1013
    assert heard == [10_000 - 1013]
    assert member.report(500) == 562
    assert other.allowance == heard[-1] == 10_000 - 562


def test_those_that_shrink_are_told_before_those_that_grow():
    budget, told = Budget(900), []
    members = [
        budget.join(name, wants=2000, on_change=lambda to, name=name: told.append((name, to)))
        for name in ("a", "b", "c")
    ]
    told.clear()
    members[0].report(10)
    assert sorted(told) == [("a", 11), ("b", 444), ("c", 445)]
    assert told[0] == ("a", 11)
    told.clear()
    members[0].report(2000)
    assert [name for name, _ in told][-1] == "a"


def test_a_callback_may_use_the_budget():
    budget = Budget(1000)
    heard = []

    def change(allowance):
        heard.append((allowance, budget.allowed))
        if allowance < 400:
            first.report(200)

    first = budget.join("first", wants=900, on_change=change)
    budget.join("second", wants=900).report(900)
    kept = budget.join("third", wants=900)
    assert all(allowed <= 1000 for _, allowed in heard)
    assert heard[-1][0] == first.allowance
    kept.leave()


class Owner:
    """As a buffer is: it keeps its member, and hears by a method of its own."""

    def __init__(self, budget, wants):
        self.member = budget.join("owner", wants=wants, on_change=self.change)

    def change(self, allowance):
        self.allowance = allowance


def test_a_dropped_owner_leaves_by_itself_without_the_collector():
    budget = Budget(1000)
    other = budget.join("other", wants=2000)
    gc.disable()
    try:
        owner = Owner(budget, 2000)
        assert other.allowance == 500
        del owner
        assert budget.members() == [other]
    finally:
        gc.enable()
    assert other.report(2001) == 1000


def test_threads_end_with_what_is():
    """What each heard last is its allowance: two that tell at once may not swap their news."""
    budget = Budget(100_000)
    owners = [Owner(budget, 10) for _ in range(4)]
    start = threading.Barrier(4)

    def work(owner, seed):
        start.wait()
        for turn in range(300):
            owner.member.report((turn * 7919 * seed) % 60_000)
            assert budget.allowed <= budget.max_bytes * 4  # read member by member: no snapshot

    threads = [
        threading.Thread(target=work, args=(owner, seed)) for seed, owner in enumerate(owners, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [owner.allowance for owner in owners] == [owner.member.allowance for owner in owners]
    assert budget.allowed <= budget.max_bytes


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "1"])
def test_what_cannot_be_is_refused(bad):
    with pytest.raises(SettingError, match="max_bytes is a whole number"):
        Budget(bad)
    budget = Budget(10)
    with pytest.raises(SettingError, match="own_most"):
        budget.join("m", own_most=bad)
    if bad != 0:
        with pytest.raises(SettingError, match="wants"):
            budget.join("m").report(bad)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("512MB", 512_000_000), ("2 GiB", 2**31), ("64mib", 2**26), ("3k", 3000)],
)
def test_sizes_as_people_write_them(text, size):
    assert parse_bytes(text, "X") == size


@pytest.mark.parametrize("text", ["", "0", "-5", "lots", "1.5GB", "5XB"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(SettingError, match="LIVEWIDGET_MEMORY is bytes"):
        parse_bytes(text, "LIVEWIDGET_MEMORY")


def test_the_shared_one_goes_by_the_environment(monkeypatch):
    monkeypatch.setattr(Budget, "_process", None)
    monkeypatch.setenv("LIVEWIDGET_MEMORY", "100MB")
    assert Budget.shared().max_bytes == 100_000_000
    assert Budget.shared() is Budget.shared()


def test_a_quarter_of_the_machine_or_of_its_container(monkeypatch, tmp_path):
    monkeypatch.setattr(budgets, "_CONTROL_GROUPS", tmp_path)
    alone = default_bytes()
    assert 64 * 2**20 <= alone <= 8 * 2**30
    (tmp_path / "memory.max").write_text("max\n")
    assert default_bytes() == alone
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    assert default_bytes() == 2**28
    (tmp_path / "memory.max").write_text("1000\n")
    assert default_bytes() == 64 * 2**20
