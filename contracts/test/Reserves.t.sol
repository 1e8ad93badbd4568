// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {BrokerFixture} from "./BrokerFixture.sol";
import {MerkleSum} from "./MerkleSum.sol";

contract ReservesTest is BrokerFixture {
    // ---------------------------------------------------------------- deployment and funds

    function test_periodIsAsLongAsTicketsNeed() public {
        eq(broker.periodRounds(), 25);
        TicketBroker odd = new TicketBroker(staking, clock, VALIDITY + 1, 3 * UNLOCK);
        eq(odd.periodRounds(), 26);
        vm.expectRevert(abi.encodeWithSelector(Reserves.UnlockPeriodTooShort.selector, 50 hours - 1, 50 hours));
        new TicketBroker(staking, clock, VALIDITY, 50 hours - 1);
        new TicketBroker(staking, clock, VALIDITY, 50 hours);
    }

    function test_fundingIsCheckedAndCounted() public {
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.ValueMismatch.selector, 3, 2));
        broker.fund{value: 3}(1, 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.ValueMismatch.selector, 3, type(uint256).max));
        broker.fund{value: 3}(type(uint256).max, 4);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NoFunds.selector));
        broker.fundDeposit();
        broker.fundDeposit{value: 1 ether}();
        broker.fundReserve{value: 2 ether}();
        eq(_deposit(), 11 ether);
        eq(_reserve(), 62 ether);
    }

    function test_fundsLeaveOnlyAfterTheUnlockPeriod() public {
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.Locked.selector, 0));
        broker.withdraw();
        broker.unlock();
        uint64 end = uint64(block.timestamp) + UNLOCK;
        vm.expectRevert(abi.encodeWithSelector(Reserves.AlreadyUnlocking.selector, end));
        broker.unlock();
        vm.warp(end - 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.Locked.selector, end));
        broker.withdraw();
        vm.warp(end);
        uint256 before = sender.balance;
        broker.withdraw();
        eq(sender.balance - before, 70 ether);
        eq(_deposit() + _reserve(), 0);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NoFunds.selector));
        broker.unlock();
    }

    function test_fundingAndCancellingEndAnUnlock() public {
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.Locked.selector, 0));
        broker.cancelUnlock();
        broker.unlock();
        broker.fundDeposit{value: 1}();
        (,, uint64 unlockAt) = broker.senderInfo(sender);
        eq(unlockAt, 0);
        broker.unlock();
        broker.cancelUnlock();
        vm.warp(block.timestamp + 2 * UNLOCK);
        vm.expectRevert(abi.encodeWithSelector(Reserves.Locked.selector, 0));
        broker.withdraw();
    }

    // ---------------------------------------------------------------- budgets

    function test_halfOfTheReserveBacksAPeriodAtOnce() public {
        (uint256 total, uint256 spent) = _budget(0);
        eq(total, 30 ether);
        eq(spent, 0);
        vm.prank(sender);
        broker.fundReserve{value: 20 ether}();
        (total,) = _budget(0);
        eq(total, 40 ether);
        eq(broker.freeReserve(sender), 40 ether);
        (total,) = _budget(1);
        eq(total, 0); // not begun
    }

    function test_nextBudgetIsWhatTheLastOneLeaves() public {
        _enrolAll();
        _drainDeposit();
        _redeem(_signed(_ticket(orchestrators[0], 6 ether, 1)));
        _nextPeriod();
        (uint256 total,) = _budget(1);
        eq(total, 27 ether); // half of 54; 54 − (30 − 6) are free
        (total,) = _budget(0);
        eq(total, 30 ether);
        eq(broker.freeReserve(sender), 54 ether - 27 ether - 24 ether);
        // The view is what is written down later.
        vm.prank(sender);
        broker.fundReserve{value: 1}();
        (total,) = _budget(1);
        eq(total, 27 ether);
    }

    function test_budgetsOfUntouchedPeriodsAreHalves() public {
        for (uint256 i = 0; i < 4; ++i) {
            _nextPeriod();
            (uint256 total,) = _budget(broker.currentPeriod());
            eq(total, 30 ether);
            (total,) = _budget(broker.currentPeriod() - 1);
            eq(total, 30 ether);
        }
        (uint256 old,) = _budget(2);
        eq(old, 0); // nobody wrote it down; its tickets have expired
    }

    function test_addingRaisesAtMostToWhatIsFree() public {
        _enrolAll();
        _nextPeriod();
        _enrolAll();
        _drainDeposit();
        // Period 1 pays out all it has, period 0 nothing: the reserve of 60 − 3·10 is promised to period 0.
        uint256 share = _share(orchestrators[0], broker.currentRound());
        for (uint64 i = 0; i < 3; ++i) {
            eq(_redeem(_signed(_ticket(orchestrators[i], share, i))), share);
        }
        vm.prank(sender);
        broker.fundReserve{value: 2 ether}();
        (uint256 total, uint256 spent) = _budget(1);
        eq(spent, 3 * share);
        eq(total, 31 ether); // half of what was and what came
    }

    function test_afterTheLastTicketExpiredOnlyOnePeriodIsPromised() public {
        _nextPeriod();
        eq(broker.freeReserve(sender), 0);
        vm.warp(block.timestamp + VALIDITY + 1); // the last round of period 1
        eq(broker.freeReserve(sender), 30 ether);
        eq(_share(orchestrators[0], 0), 0);
    }

    function test_unlockingBacksNoFurtherPeriod() public {
        _enrolAll();
        vm.prank(sender);
        broker.unlock();
        eq(_share(orchestrators[0], 0), 7.5 ether);
        _nextPeriod();
        _enrolAll();
        eq(_share(orchestrators[0], broker.currentRound()), 0);
        eq(_share(orchestrators[0], 0), 7.5 ether); // its tickets are still good
        vm.prank(sender);
        broker.cancelUnlock();
        eq(_share(orchestrators[0], broker.currentRound()), 7.5 ether);
    }

    // ---------------------------------------------------------------- enrolment

    function test_equalSharesLeaveSparePlaces() public {
        eq(_share(orchestrators[0], 0), 0);
        ok(!broker.enrolled(0, orchestrators[0]), "not yet");
        _enrolAll();
        ok(broker.enrolled(24, orchestrators[0]), "for the period");
        eq(broker.fractionOf(0, orchestrators[0]), 0.25e18);
        eq(broker.fractionsGiven(0), 0.75e18);
        eq(_share(orchestrators[0], 0), 7.5 ether);
        broker.enrol(0, orchestrators[0]); // again: nothing changes
        eq(broker.fractionsGiven(0), 0.75e18);
    }

    function test_enrolmentIsForThisPeriodAndTheNext() public {
        vm.warp(block.timestamp + 5 * ROUND);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotCurrentRound.selector, 4, 5));
        broker.enrol(4, orchestrators[0]);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotCurrentRound.selector, 50, 5));
        broker.enrol(50, orchestrators[0]);
        broker.enrol(49, orchestrators[0]);
        ok(broker.enrolled(25, orchestrators[0]) && !broker.enrolled(24, orchestrators[0]), "the next period only");
        _nextPeriod();
        eq(_share(orchestrators[0], 25), 7.5 ether); // no round without a share
    }

    function test_onlyMembersEnrol() public {
        address late = address(0xA4);
        vm.warp(block.timestamp + ROUND);
        staking.join(late, 2);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotEligible.selector, late, 1));
        broker.enrol(1, late);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotEligible.selector, late, 1));
        broker.enrol(30, late); // nor ahead: a stake that moves on would buy many places
        vm.warp(block.timestamp + ROUND);
        broker.enrol(2, late);
        staking.retire(orchestrators[0]);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotEligible.selector, orchestrators[0], 2));
        broker.enrol(2, orchestrators[0]);
    }

    /// However many join and leave, and whatever Staking says about its size, no more than the whole is given.
    function testFuzz_fractionsNeverExceedTheWhole(uint256[80] calldata sizes) public {
        uint256 sum;
        for (uint160 i = 0; i < 80; ++i) {
            address who = address(0xE000 + i);
            staking.join(who, 0);
            staking.setActiveCount((sizes[i] >> 8) >> (sizes[i] & 0xff));
            broker.enrol(0, who);
            staking.setActiveCount(0);
            sum += broker.fractionOf(0, who);
        }
        eq(broker.fractionsGiven(0), sum);
        ok(sum <= broker.ONE(), "at most the whole");
    }

    // ---------------------------------------------------------------- allocation

    function _leaves(uint96 a, uint96 b, uint96 c) private view returns (MerkleSum.Leaf[] memory leaves) {
        leaves = new MerkleSum.Leaf[](3);
        leaves[0] = MerkleSum.Leaf(orchestrators[0], a);
        leaves[1] = MerkleSum.Leaf(orchestrators[1], b);
        leaves[2] = MerkleSum.Leaf(orchestrators[2], c);
    }

    function _allocate(uint64 period, MerkleSum.Leaf[] memory leaves) private {
        (bytes32 root, uint256 sum) = MerkleSum.root(leaves);
        vm.prank(sender);
        broker.allocate(period, root, sum);
    }

    function _allot(uint64 period, uint256 index, MerkleSum.Leaf[] memory leaves, uint256 i) private {
        (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, i);
        broker.allot(sender, period, index, leaves[i].recipient, leaves[i].amount, position, path);
    }

    function test_allocationTakesThePlaceOfEqualShares() public {
        MerkleSum.Leaf[] memory leaves = _leaves(5 ether, 2 ether, 23 ether);
        _allocate(1, leaves);
        _enrolAll();
        _nextPeriod();
        _enrolAll();
        _drainDeposit();
        eq(_share(orchestrators[0], 25), 0); // enrolled, but the sender shares as it likes
        for (uint256 i = 0; i < 3; ++i) {
            _allot(1, 0, leaves, i);
            eq(_share(orchestrators[i], 25), leaves[i].amount);
            eq(_redeem(_signed(_ticket(orchestrators[i], leaves[i].amount + 1, uint64(i)))), leaves[i].amount);
        }
        (uint256 total, uint256 spent, uint256 roots) = broker.budgetOf(sender, 1);
        eq(total, 30 ether);
        eq(spent, 30 ether);
        eq(roots, 1);
        eq(_reserve(), 30 ether);
        eq(_left(orchestrators[0], 0), 7.5 ether); // the period before is untouched
    }

    function test_laterRootsAdd() public {
        MerkleSum.Leaf[] memory first = _leaves(5 ether, 2 ether, 3 ether);
        MerkleSum.Leaf[] memory second = _leaves(1 ether, 0, 8 ether);
        _allocate(1, first);
        _nextPeriod();
        _allocate(1, second);
        _allot(1, 0, first, 0);
        _allot(1, 1, second, 0);
        eq(_share(orchestrators[0], 25), 6 ether);
        (uint256 amount, uint64 roots) = broker.allotmentOf(sender, orchestrators[0], 1);
        eq(amount, 6 ether);
        eq(roots, 3);
        (uint256 total,) = _budget(1);
        eq(total, 19 ether);
        _nextPeriod();
        (total,) = _budget(2);
        eq(total, 30 ether); // equal again, within what period 1 leaves
    }

    function test_newSenderMayBeginWithAnAllocation() public {
        address late = address(0x5E4D);
        vm.deal(late, 10 ether);
        MerkleSum.Leaf[] memory leaves = _leaves(5 ether, 2 ether, 3 ether);
        (bytes32 root, uint256 sum) = MerkleSum.root(leaves);
        vm.prank(late);
        broker.allocate{value: 10 ether}(0, root, sum);
        (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, 2);
        broker.allot(late, 0, 0, leaves[2].recipient, leaves[2].amount, position, path);
        (uint256 share,) = broker.reserveShare(late, orchestrators[2], 0);
        eq(share, 3 ether);
        eq(broker.freeReserve(late), 0);
    }

    function test_allocationIsRefused() public {
        bytes32 root = keccak256("root");
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.SharedEqually.selector, 0));
        broker.allocate(0, root, 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.NotCurrentPeriod.selector, 2, 0));
        broker.allocate(2, root, 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.OverPromised.selector, 30 ether + 1, 30 ether));
        broker.allocate(1, root, 30 ether + 1);
        for (uint256 i = 0; i < 64; ++i) {
            broker.allocate(1, root, 1);
        }
        vm.expectRevert(abi.encodeWithSelector(Reserves.TooManyRoots.selector));
        broker.allocate(1, root, 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.AllocatedAhead.selector, 1));
        broker.unlock();
        _nextPeriod();
        broker.unlock();
        (,, uint64 unlockAt) = broker.senderInfo(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.AlreadyUnlocking.selector, unlockAt));
        broker.allocate(2, root, 1);
    }

    function test_fundingDoesNotDisturbAnAllocation() public {
        _allocate(1, _leaves(5 ether, 2 ether, 3 ether));
        _nextPeriod();
        vm.prank(sender);
        broker.fundReserve{value: 10 ether}();
        (uint256 total,) = _budget(1);
        eq(total, 10 ether);
        eq(broker.freeReserve(sender), 30 ether);
    }

    function test_leafCountsOnceAndOnlyWithItsProof() public {
        MerkleSum.Leaf[] memory leaves = _leaves(5 ether, 2 ether, 3 ether);
        _allocate(1, leaves);
        _allot(1, 0, leaves, 1);
        vm.expectRevert(abi.encodeWithSelector(Reserves.AlreadyAllotted.selector, 0));
        this.allotAs(leaves, 1, leaves[1]);
        vm.expectRevert(abi.encodeWithSelector(Reserves.InvalidProof.selector, 0));
        this.allotAs(leaves, 0, MerkleSum.Leaf(orchestrators[0], 6 ether));
        vm.expectRevert(abi.encodeWithSelector(Reserves.InvalidProof.selector, 0));
        this.allotAs(leaves, 0, MerkleSum.Leaf(address(0xA4), 5 ether));
        this.allotAs(leaves, 0, leaves[0]);
    }

    /// Allots `leaf` with the path of leaf `i`.
    function allotAs(MerkleSum.Leaf[] memory leaves, uint256 i, MerkleSum.Leaf memory leaf) external {
        (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, i);
        broker.allot(sender, 1, 0, leaf.recipient, leaf.amount, position, path);
    }

    /// Every leaf of any tree can be proved, and their sum is the root's.
    function testFuzz_everyLeafIsProvable(uint96[] calldata amounts) public {
        vm.assume(amounts.length > 0 && amounts.length <= 40);
        MerkleSum.Leaf[] memory leaves = new MerkleSum.Leaf[](amounts.length);
        for (uint160 i = 0; i < amounts.length; ++i) {
            leaves[i] = MerkleSum.Leaf(address(0xE000 + i), amounts[i] % 1 ether);
        }
        (bytes32 root, uint256 sum) = MerkleSum.root(leaves);
        address late = address(0x5E4D);
        vm.deal(late, sum + 1);
        vm.prank(late);
        broker.allocate{value: sum + 1}(1, root, sum);
        uint256 shares;
        for (uint256 i = 0; i < leaves.length; ++i) {
            (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, i);
            broker.allot(late, 1, 0, leaves[i].recipient, leaves[i].amount, position, path);
            (uint256 share,) = broker.reserveShare(late, leaves[i].recipient, 25);
            shares += share;
        }
        eq(shares, sum);
    }
}
