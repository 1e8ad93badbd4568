// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {Disputes} from "../src/Disputes.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Receipts} from "../src/evidence/Receipts.sol";
import {TwoReceipts} from "../src/evidence/TwoReceipts.sol";
import {DisputesFixture} from "./DisputesFixture.sol";

/// A challenger that wants its bond twice.
contract GreedyChallenger {
    Disputes private immutable _disputes;
    bytes private _call;
    uint256 public attempts;

    constructor(Disputes disputes) {
        _disputes = disputes;
    }

    function run(bytes calldata call, uint256 value) external {
        _call = call;
        (bool done,) = address(_disputes).call{value: value}(call);
        if (!done) revert();
    }

    receive() external payable {
        ++attempts;
        (bool done,) = address(_disputes).call(_call);
        done; // refused or not: the balances tell
    }
}

contract DisputesTest is DisputesFixture {
    using Receipts for Receipts.Lease;

    function test_twoReceiptsArePunished() public {
        bytes memory evidence = abi.encode(_two());
        _accuse(TWO_RECEIPTS, evidence);
        // 5 % of 1000: the owner's own stake bears it. 10 % and 30 % of that loss are handed out.
        eq(slashing.slashed(), orchestrator);
        eq(slashing.own(), 50 ether);
        eq(slashing.delegated(), 900 ether);
        eq(cast.balanceOf(challenger), 5 ether);
        eq(cast.balanceOf(sender), 15 ether);
        eq(cast.balanceOf(treasury), 30 ether);
        eq(cast.balanceOf(address(disputes)), 0);
        eq(slashing.jailedUntil(), 48);
        eq(challenger.balance, 10 ether);
        ok(disputes.isPunished(TWO_RECEIPTS, _lease().hash()), "punished");
        ok(!disputes.isPunished(WRONG_SUMS, _lease().hash()), "for another kind not");
    }

    function test_wrongSumsArePunished() public {
        _accuse(WRONG_SUMS, abi.encode(_overcharged()));
        eq(slashing.own(), 80 ether);
        eq(slashing.jailedUntil(), 0);
        eq(cast.balanceOf(challenger), 2 ether);
        eq(cast.balanceOf(sender), 6 ether);
        eq(cast.balanceOf(treasury), 12 ether);
    }

    function test_evidenceCountsOnceALease() public {
        _accuse(TWO_RECEIPTS, abi.encode(_two()));
        TwoReceipts.Evidence memory again = _two();
        (again.first, again.second) = (again.second, again.first);
        bytes memory reason = abi.encodeWithSelector(Disputes.AlreadyPunished.selector, _lease().hash(), TWO_RECEIPTS);
        _accuseFails(TWO_RECEIPTS, abi.encode(again), reason);
        Receipts.Receipt memory third = _receipt();
        third.fee = 3;
        again.first = _signReceipt(OPERATOR_KEY, third);
        _accuseFails(TWO_RECEIPTS, abi.encode(again), reason);
        _accuse(WRONG_SUMS, abi.encode(_overcharged())); // another offence
        eq(slashing.own(), 30 ether);
    }

    /// A fault in a program, signed under every lease that was running: the offences of a period cost so much together and no
    /// more, in whatever order they come; in the next period it begins anew.
    function test_threat_oneFaultInManyLeases() public {
        slashing.setRound(broker.periodRounds(), vm.addr(OPERATOR_KEY), 1000 ether);
        uint256[5] memory left = [uint256(950 ether), 900 ether, 900 ether, 900 ether, 850 ether];
        for (uint64 i = 0; i < 5; ++i) {
            if (i == 4) vm.warp(broker.genesis() + PERIOD);
            uint256 before = challenger.balance;
            _accuse(TWO_RECEIPTS, abi.encode(_twoOf(i, broker.currentRound())));
            eq(slashing.own() + slashing.delegated(), left[i]);
            eq(challenger.balance, before); // the bond is back all the same
        }
        eq(disputes.penaltyOf(orchestrator, 0), 100_000);
        eq(disputes.penaltyOf(orchestrator, broker.periodRounds() - 1), 100_000);
        eq(disputes.penaltyOf(orchestrator, broker.periodRounds()), 50_000);
        eq(slashing.jailedUntil(), broker.periodRounds() + 48);
        // What is left of a period's measure is less than the offence costs.
        _accuse(WRONG_SUMS, abi.encode(_overcharged()));
        eq(slashing.own() + slashing.delegated(), 850 ether);
    }

    /// Two receipts under a lease of their own.
    function _twoOf(uint64 lane, uint64 round) private view returns (TwoReceipts.Evidence memory e) {
        e = _two();
        (e.lease.lane, e.lease.round) = (lane, round);
        (e.first.receipt.lease, e.second.receipt.lease) = (e.lease.hash(), e.lease.hash());
        e.first = _signReceipt(OPERATOR_KEY, e.first.receipt);
        e.second = _signReceipt(OPERATOR_KEY, e.second.receipt);
    }

    // ---------------------------------------------------------------- commit and reveal

    function test_bondIsExact() public {
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(Disputes.WrongBond.selector, BOND - 1, BOND));
        disputes.commit{value: BOND - 1}("c");
        disputes.commit{value: BOND}("c");
        (uint256 bond, uint64 since) = disputes.commitmentInfo(challenger, "c");
        eq(bond, BOND);
        eq(since, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(Disputes.AlreadyCommitted.selector, bytes32("c")));
        disputes.commit{value: BOND}("c");
    }

    function test_revealHasItsTime() public {
        bytes memory evidence = abi.encode(_two());
        bytes32 commitment = _commit(challenger, TWO_RECEIPTS, evidence);
        uint64 since = uint64(block.timestamp);
        bytes memory notNow = abi.encodeWithSelector(Disputes.NotNow.selector, since + DELAY, since + WINDOW);
        vm.startPrank(challenger);
        vm.warp(since + DELAY - 1);
        vm.expectRevert(notNow);
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
        vm.expectRevert(notNow);
        disputes.forfeit(challenger, commitment);
        vm.warp(since + WINDOW + 1);
        vm.expectRevert(notNow);
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
        vm.warp(since + WINDOW);
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
        vm.expectRevert(abi.encodeWithSelector(Disputes.NotCommitted.selector, commitment));
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
    }

    function test_bondOfSilenceIsTheTreasurys() public {
        bytes32 commitment = _commit(challenger, TWO_RECEIPTS, "");
        vm.warp(block.timestamp + WINDOW + 1);
        disputes.forfeit(challenger, commitment);
        eq(treasury.balance, BOND);
        vm.expectRevert(abi.encodeWithSelector(Disputes.NotCommitted.selector, commitment));
        disputes.forfeit(challenger, commitment);
    }

    /// Who copies a reveal has no commitment of its own; who copies the commitment cannot keep its owner from making it.
    function test_threat_frontRunDispute() public {
        address thief = address(0x7817F);
        vm.deal(thief, 1 ether);
        bytes memory evidence = abi.encode(_two());
        bytes32 commitment = disputes.commitmentOf(TWO_RECEIPTS, evidence, SALT);
        vm.prank(thief);
        disputes.commit{value: BOND}(commitment); // seen in the pool, mined first
        _commit(challenger, TWO_RECEIPTS, evidence);
        vm.warp(block.timestamp + DELAY);
        vm.startPrank(thief); // sees the reveal; knows the evidence now, and commits to it
        bytes32 own = disputes.commitmentOf(TWO_RECEIPTS, evidence, "own salt");
        disputes.commit{value: BOND}(own);
        uint64 now_ = uint64(block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(Disputes.NotNow.selector, now_ + DELAY, now_ + WINDOW));
        disputes.reveal(TWO_RECEIPTS, evidence, "own salt");
        vm.expectRevert(
            abi.encodeWithSelector(
                Disputes.NotCommitted.selector, disputes.commitmentOf(TWO_RECEIPTS, evidence, "third salt")
            )
        );
        disputes.reveal(TWO_RECEIPTS, evidence, "third salt");
        vm.stopPrank();
        vm.prank(challenger);
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
        eq(cast.balanceOf(challenger), 5 ether);
    }

    function test_threat_reentrancyByAMaliciousChallenger() public {
        GreedyChallenger greedy = new GreedyChallenger(disputes);
        vm.deal(address(greedy), BOND);
        vm.deal(address(disputes), 5 ether);
        bytes memory evidence = abi.encode(_two());
        bytes32 commitment = disputes.commitmentOf(TWO_RECEIPTS, evidence, SALT);
        greedy.run(abi.encodeCall(Disputes.commit, (commitment)), BOND);
        vm.warp(block.timestamp + DELAY);
        greedy.run(abi.encodeCall(Disputes.reveal, (TWO_RECEIPTS, evidence, SALT)), 0);
        eq(greedy.attempts(), 1);
        eq(address(greedy).balance, BOND);
        eq(cast.balanceOf(address(greedy)), 5 ether);
    }

    // ---------------------------------------------------------------- key, stake and time

    function test_keyAndStakeAreThoseOfTheLeasesRound() public {
        slashing.setRound(1, address(0x12), 5 ether); // rotated since, and nearly all unbonded
        vm.warp(block.timestamp + ROUND);
        _accuse(TWO_RECEIPTS, abi.encode(_two()));
        eq(slashing.own(), 50 ether);
    }

    function test_evidenceMustBeTheOperators() public {
        TwoReceipts.Evidence memory e = _two();
        slashing.setRound(0, address(0x12), 1000 ether);
        _accuseFails(
            TWO_RECEIPTS,
            abi.encode(e),
            abi.encodeWithSelector(Disputes.NotTheOperator.selector, vm.addr(OPERATOR_KEY), address(0x12))
        );
    }

    function test_evidenceExpires() public {
        bytes memory evidence = abi.encode(_two());
        bytes memory late = abi.encodeWithSelector(Disputes.OutOfTime.selector, 0);
        vm.warp(broker.genesis() + ROUND + EVIDENCE + 1);
        _accuseFails(TWO_RECEIPTS, evidence, late);
    }

    function test_evidenceIsInTimeIfItsCommitmentWas() public {
        bytes memory evidence = abi.encode(_two());
        vm.warp(broker.genesis() + ROUND + EVIDENCE);
        _commit(challenger, TWO_RECEIPTS, evidence);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(challenger);
        disputes.reveal(TWO_RECEIPTS, evidence, SALT);
        ok(disputes.isPunished(TWO_RECEIPTS, _lease().hash()), "punished");
    }

    function test_leaseOfTheFutureIsNotJudged() public {
        _accuseFails(TWO_RECEIPTS, abi.encode(_twoOf(7, 1)), abi.encodeWithSelector(Disputes.OutOfTime.selector, 1));
    }

    function test_unknownKindIsRefused() public {
        _accuseFails(3, "", abi.encodeWithSelector(Disputes.UnknownKind.selector, 3));
    }

    // ---------------------------------------------------------------- incentives

    /// Whatever owner and delegators hold, an owner that is challenger and broadcaster at once loses by accusing itself.
    function testFuzz_threat_selfAccusationNeverPays(uint96 own, uint96 delegated, uint32 ppm) public {
        uint256 total = uint256(own) + delegated;
        cast.mint(address(slashing), total);
        slashing.setPool(own, delegated);
        slashing.setRound(0, vm.addr(OPERATOR_KEY), total);
        disputes.setKind(TWO_RECEIPTS, Disputes.Kind(twoReceipts, ppm % 1_000_001, 0));
        Disputes.Terms memory t = _terms();
        t.periodPpm = 1_000_000;
        disputes.setTerms(t);
        _accuse(TWO_RECEIPTS, abi.encode(_two()));
        uint256 gained = cast.balanceOf(challenger) + cast.balanceOf(sender);
        uint256 lost = own - slashing.own();
        ok(gained <= lost / 2, "at most half of the own loss comes back");
        eq(gained + cast.balanceOf(treasury), total - slashing.own() - slashing.delegated());
    }

    function test_capOfStakingIsRespected() public {
        slashing.setCap(10 ether);
        _accuse(TWO_RECEIPTS, abi.encode(_two()));
        eq(slashing.own(), 90 ether);
        eq(cast.balanceOf(challenger), 1 ether);
        eq(cast.balanceOf(treasury), 6 ether);
    }

    // ---------------------------------------------------------------- governance

    function test_rulesAreChecked() public {
        Disputes.Terms memory t = _terms();
        t.treasury = address(0);
        _termsAreInvalid(t);
        t = _terms();
        t.revealDelay = 0;
        _termsAreInvalid(t);
        t.revealDelay = WINDOW + 1;
        _termsAreInvalid(t);
        t = _terms();
        t.challengerPpm = 200_001;
        _termsAreInvalid(t);
        t.challengerPpm = 200_000;
        t.periodPpm = 0;
        _termsAreInvalid(t);
        t.periodPpm = 1_000_001;
        _termsAreInvalid(t);
        t.periodPpm = 1_000_000;
        disputes.setTerms(t);
        eq(disputes.terms().challengerPpm, 200_000);
        vm.expectRevert(abi.encodeWithSelector(Disputes.InvalidTerms.selector));
        disputes.setKind(1, Disputes.Kind(twoReceipts, 1_000_001, 0));
        eq(disputes.kindInfo(TWO_RECEIPTS).slashPpm, 50_000);
    }

    function _termsAreInvalid(Disputes.Terms memory t) private {
        vm.expectRevert(abi.encodeWithSelector(Disputes.InvalidTerms.selector));
        disputes.setTerms(t);
    }

    function test_onlyGovernanceChangesRulesAndCode() public {
        Disputes next = new Disputes(slashing, broker, cast);
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, challenger);
        vm.startPrank(challenger);
        vm.expectRevert(refused);
        disputes.setTerms(_terms());
        vm.expectRevert(refused);
        disputes.setKind(1, Disputes.Kind(IEvidence(address(0)), 0, 0));
        vm.expectRevert(refused);
        disputes.upgradeToAndCall(address(next), "");
        vm.stopPrank();
        _commit(challenger, TWO_RECEIPTS, "");
        disputes.upgradeToAndCall(address(next), "");
        (uint256 bond,) = disputes.commitmentInfo(challenger, disputes.commitmentOf(TWO_RECEIPTS, "", SALT));
        eq(bond, BOND); // storage is where it was
        eq(disputes.terms().treasury, treasury);
    }

    function test_initializedOnce() public {
        vm.expectRevert(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        disputes.initialize(address(this), _terms());
        Disputes implementation = new Disputes(slashing, broker, cast);
        vm.expectRevert(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        implementation.initialize(address(this), _terms());
    }
}
