// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {Emission} from "../src/Rounds.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {Shares} from "../src/staking/Shares.sol";
import {StakingState} from "../src/staking/StakingState.sol";
import {Fixture} from "./Fixture.sol";

/// What Staking becomes by an upgrade that went wrong: it can be upgraded again, and nothing else.
contract BrokenStaking is UUPSUpgradeable {
    error Broken();

    function depositFees(address) external payable {
        revert Broken();
    }

    function _authorizeUpgrade(address) internal override {}
}

/// Takes its fees and comes back for more.
contract Reentrant {
    StakingThreatsTest private immutable _test;
    bool public came;

    constructor(StakingThreatsTest test) {
        _test = test;
    }

    receive() external payable {
        came = true;
        _test.again();
    }
}

/// One test for each attack that the design names.
contract StakingThreatsTest is Fixture {
    address private a = orchestrators[0];
    address private b = orchestrators[1];
    address private c = orchestrators[2];
    address private attacker = address(0xBAD);
    address private victim = address(0x600D);

    /// A tenth of a CAST a round: a thousandth of what is staked.
    function _emission() internal pure override returns (Emission memory) {
        return Emission(100, 0, 100, 500_000, 0, address(0));
    }

    /// The first to bond holds one share, makes it dear, and has the next bond rounded away. Nothing makes a share dear: CAST
    /// that is sent to Staking is nobody's, and emission comes to pools with a minimum of stake only.
    function test_firstDepositorShareInflation() public {
        _register(attacker, 1);
        token.transfer(address(staking), 1000 ether);
        _delegate(victim, attacker, 1 ether);
        eq(_stake(attacker, victim), 1 ether);

        // Nor does the owner who lets emission in and then leaves one unit behind.
        vm.prank(c);
        staking.leaveSet();
        _delegate(attacker, attacker, 2 ether);
        vm.prank(attacker);
        vm.warp(block.timestamp + 1000 * ROUND);
        staking.reward(b);
        vm.prank(victim);
        staking.unbond(attacker, type(uint256).max);
        uint256 all = _stake(attacker, attacker);
        vm.prank(attacker);
        staking.unbond(attacker, all - 1);
        _delegate(victim, attacker, 1 ether);
        ok(_stake(attacker, victim) + 1 >= 1 ether, "nothing was rounded away");
    }

    /// An owner lets emission in, leaves itself one share, and makes it dear by purchases and sales that round in the pool's
    /// favour, half as dear again each time: the next bond would lose up to a half by rounding. Such a share is not sold.
    function test_shareInflationByRounding() public {
        vm.prank(c);
        staking.leaveSet();
        _register(attacker, 1000 ether);
        vm.warp(block.timestamp + 1000 * ROUND);
        staking.reward(attacker);
        _sellAllButOne();
        uint256 price = _stake(attacker, attacker);
        ok(price > 1, "emission made it no round number");
        while (price >> 25 == 0) {
            _delegate(attacker, attacker, 2 * price - 1); // one more share
            _sellAllButOne();
            price = _stake(attacker, attacker);
        }
        _give(victim, 2 * price - 1);
        vm.prank(victim);
        token.approve(address(staking), type(uint256).max);
        vm.prank(victim);
        vm.expectRevert(StakingState.PoolWornOut.selector);
        staking.delegate(attacker, 2 * price - 1);
        // Who is in can leave.
        vm.prank(attacker);
        staking.unbond(attacker, type(uint256).max);
        _delegate(victim, attacker, 1 ether);
        eq(_stake(attacker, victim), 1 ether);
    }

    function _sellAllButOne() private {
        (uint256 shares,,,) = views.poolInfo(attacker);
        uint256 amount = ((shares - 1) * _stake(attacker, attacker)) / shares;
        vm.prank(attacker);
        staking.unbond(attacker, amount);
    }

    /// 10^5 random purchases and sales of shares in a pot with an awkward price: who makes them never comes out ahead, and
    /// what the others' shares are worth never falls.
    function test_roundingDrainsNothingOver100000Operations() public pure {
        (uint256 stake, uint256 shares) = (7_000_000_000_000_003, 6_999_999_999_999_989);
        uint256 others = shares;
        uint256 worth = Shares.worth(others, stake, shares);
        (uint256 wallet, uint256 own) = (1e18, 0);
        uint256 seed = 1;
        for (uint256 i = 0; i < 100_000; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 amount = 1 + ((seed >> 8) % 1000);
            if (seed % 2 == 0) {
                uint256 bought = Shares.bought(amount, stake, shares);
                (stake, shares, own, wallet) = (stake + amount, shares + bought, own + bought, wallet - amount);
            } else if (amount <= Shares.worth(own, stake, shares)) {
                uint256 sold = Shares.sold(amount, stake, shares);
                (stake, shares, own, wallet) = (stake - amount, shares - sold, own - sold, wallet + amount);
            }
        }
        ok(wallet + Shares.worth(own, stake, shares) <= 1e18, "nothing was drained");
        ok(Shares.worth(others, stake, shares) >= worth, "nobody paid for it");
    }

    /// The same by a thousand transactions.
    function test_roundingDrainsNothingByTransactions() public {
        _delegate(victim, a, 7 ether + 3);
        vm.warp(block.timestamp + 3 * ROUND);
        staking.reward(a);
        _give(attacker, 1000 ether);
        uint256 others = _stake(a, victim) + _stake(a, a);
        uint256 seed = 1;
        uint256 open;
        vm.startPrank(attacker);
        for (uint256 i = 0; i < 1000; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 amount = 2 + ((seed >> 8) % 1000);
            if (seed % 3 == 0 || _stake(a, attacker) < amount) {
                try staking.delegate(a, amount) {} catch {}
            } else if (seed % 3 == 1 || open == 0) {
                open = staking.unbond(a, amount) + 1;
            } else {
                try staking.rebond(--open) {} catch {}
            }
        }
        vm.stopPrank();
        (,, uint256 exiting,) = views.poolInfo(a);
        ok(token.balanceOf(attacker) + _stake(a, attacker) + exiting <= 1000 ether, "nothing was drained");
        ok(_stake(a, victim) + _stake(a, a) >= others, "nobody paid for it");
    }

    function test_feesArrivingAtZeroStakeAreTheOwners() public {
        address nobody = address(0x50B0D1);
        staking.depositFees{value: 1 ether}(nobody);
        vm.prank(nobody);
        staking.claimFees(nobody, payable(nobody));
        eq(nobody.balance, 1 ether);
        // So are fees at next to no stake, which could overflow what is counted per share.
        _register(attacker, 1);
        vm.deal(address(this), type(uint96).max);
        staking.depositFees{value: 100_000_000 ether}(attacker);
        eq(_fees(attacker, attacker), 100_000_000 ether);
    }

    /// Forty slashes of all that may be taken leave a price above zero; who is left gets what is left, and the exit works.
    function test_slashToNearZero() public {
        _delegate(victim, a, 50 ether);
        vm.startPrank(judge);
        for (uint256 i = 0; i < 100; ++i) {
            staking.slash(a, type(uint96).max);
        }
        vm.stopPrank();
        (uint256 stake, uint256 shares,) = views.positionInfo(a, victim);
        ok(stake > 0 && shares > 0, "a share is worth something");
        vm.warp(block.timestamp + ROUND);
        vm.prank(victim);
        staking.unbond(a, type(uint256).max);
        _delegate(victim, a, 1 ether);
        within(_stake(a, victim), 1 ether, 2 ** 25);
        vm.prank(victim);
        staking.unbond(a, type(uint256).max);
        _give(victim, 900_000 ether);
        vm.prank(victim);
        vm.expectRevert(StakingState.PoolWornOut.selector);
        staking.delegate(a, 900_000 ether);
    }

    /// Whoever sees a slash coming may unbond or move first; the slash reaches it all the same, until the period is over.
    function test_slashRacingUnbondAndMove() public {
        address stays = address(0x57A1);
        address leaves = address(0x1EA5E);
        _delegate(stays, a, 10 ether);
        _delegate(leaves, a, 10 ether);
        _delegate(victim, a, 10 ether); // moves
        vm.prank(leaves);
        staking.unbond(a, 10 ether);
        vm.prank(victim);
        staking.move(a, b, 10 ether);
        vm.prank(a);
        staking.unbond(a, type(uint256).max); // the owner tries, too
        vm.prank(judge);
        (uint256 taken, uint256 own) = staking.slash(a, 35 ether);
        eq(own, 25 ether);
        eq(taken, 35 ether);
        eq(_stake(a, stays), 5 ether);
        eq(views.unbondings(leaves)[0].amount, 5 ether);
        uint256 supply = token.totalSupply();
        staking.settleMove(b, victim);
        eq(_stake(b, victim), 5 ether);
        eq(token.totalSupply(), supply - 5 ether); // it is burnt
        (, uint256 liable,) = views.moveInfo(b, victim);
        eq(liable, 5 ether);

        vm.warp(block.timestamp + UNBONDING + 1);
        vm.prank(judge);
        staking.slash(a, 1000 ether);
        staking.settleMove(b, victim);
        ok(_stake(b, victim) >= 5 ether, "too late for what moved");
    }

    /// Everybody moves away, so that nothing is left to measure by: what moved pays the most that one slash may take.
    function test_slashAfterEverybodyMoved() public {
        _delegate(victim, a, 10 ether);
        vm.prank(victim);
        staking.move(a, b, 10 ether);
        vm.prank(a);
        staking.unbond(a, type(uint256).max);
        vm.prank(judge);
        staking.slash(a, 100 ether);
        vm.warp(block.timestamp + UNBONDING);
        vm.prank(victim);
        staking.unbond(b, type(uint256).max); // settles by itself
        uint256 earned = 3 ether; // at most
        within(views.unbondings(victim)[0].amount, 5 ether + earned, earned);
    }

    /// A slash of the new pool on top can leave less than what is owed for the old one.
    function test_moveOwesMoreThanIsLeft() public {
        _delegate(victim, a, 10 ether);
        vm.prank(victim);
        staking.move(a, b, 10 ether);
        vm.startPrank(judge);
        for (uint256 i = 0; i < 3; ++i) {
            staking.slash(b, 1000 ether);
        }
        staking.slash(a, 1000 ether);
        vm.stopPrank();
        staking.settleMove(b, victim);
        eq(_stake(b, victim), 0);
    }

    function test_missedRewardsAreCaughtUp() public {
        uint256 start = block.timestamp;
        for (uint256 i = 1; i <= 5; ++i) {
            vm.warp(start + i * ROUND);
            staking.reward(a);
        }
        staking.reward(b);
        // a was rewarded five times, b once for five rounds, c is only looked at: nobody lost a round.
        uint256 each = (_stake(a, a) - 50 ether) / 5; // of 10 CAST
        within(_stake(b, b) - 30 ether, each * 3, each / 50); // less what was not there to earn by itself
        within(_stake(c, c) - 20 ether, each * 2, each / 50);
        // Rounds that nobody touched at all are made up for at the next touch.
        uint256 supply = token.totalSupply();
        vm.warp(start + 15 * ROUND);
        staking.reward(a);
        within(token.totalSupply() - supply, supply / 1e6, supply / 1e9);
    }

    /// Emission follows stake, whoever works for whom: two orchestrators of one owner earn what one with their stake does, and
    /// fees that go in a circle come back as they were, at most.
    function test_rewardFarmingBySelfDealing() public {
        vm.prank(c);
        staking.leaveSet();
        _register(address(0xF1), 20 ether); // the set holds three
        vm.warp(block.timestamp + ROUND);
        vm.deal(attacker, 10 ether);
        uint256 before = _stake(b, b);
        vm.prank(attacker);
        staking.depositFees{value: 10 ether}(b);
        staking.reward(a);
        staking.reward(b);
        uint256 gain = _stake(b, b) - before;
        within((_stake(a, a) - 50 ether) * 3, gain * 5 + 10, 100);
        ok(_fees(b, b) <= 10 ether, "no more than was paid");
        // Stake that comes and goes within a round earns nothing.
        _give(attacker, 100 ether);
        vm.startPrank(attacker);
        staking.delegate(a, 100 ether);
        staking.unbond(a, type(uint256).max);
        near(views.unbondings(attacker)[0].amount, 100 ether);
    }

    /// Shares count from the moment they are bought, so whoever bonds in front of a sweep has a part of fees that were earned
    /// before. The lock bounds it: a capital comes in front of one sweep by its bond and of one by its move, and then of one an
    /// unbonding period. Swept every round, that is one round's fees in as many as a period has.
    function test_feeSnipingIsBoundedByTheLock() public {
        _delegate(attacker, a, 50 ether);
        staking.depositFees{value: 1 ether}(a);
        within(_fees(a, attacker), 0.25 ether, 1e9); // half of what is shared
        vm.prank(attacker);
        staking.move(a, b, 50 ether);
        _delegate(victim, b, _stake(b, attacker)); // stays where it is
        uint64 until = uint64(block.timestamp) + UNBONDING;
        for (uint64 time = uint64(block.timestamp); time < until; time += ROUND) {
            vm.warp(time);
            for (uint256 i = 0; i < 3; ++i) {
                staking.depositFees{value: 1 ether}(orchestrators[i]);
            }
            vm.startPrank(attacker);
            vm.expectRevert(abi.encodeWithSelector(StakingState.MoveRunning.selector, b, until));
            staking.move(b, c, 50 ether);
            vm.expectRevert(abi.encodeWithSelector(StakingState.MoveRunning.selector, b, until));
            staking.unbond(b, 50 ether);
            vm.stopPrank();
        }
        uint256 more = _fees(a, attacker) + _fees(b, attacker) - _fees(b, victim);
        ok(more <= 1 ether / 2, "what one sweep shares, at most");
        ok(more * 100 < _fees(b, victim), "less than a hundredth of what patience earns");
        vm.warp(until);
        vm.prank(attacker);
        staking.move(b, c, 1 ether); // the next one
    }

    /// Dust can't enter the set, push anybody out, or make a member dearer to touch.
    function test_dustGriefingOfTheActiveSet() public {
        for (uint160 i = 0; i < 50; ++i) {
            address dust = address(0xD0000 + i);
            _register(dust, 1);
            vm.prank(dust);
            vm.expectRevert(abi.encodeWithSelector(StakingState.SelfStakeTooLow.selector, 1, 1 ether));
            staking.join(c);
            _delegate(dust, a, 1);
        }
        address late = address(0xF1);
        _register(late, 20 ether); // as much as c has, not more
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(StakingState.SetFull.selector, c));
        staking.join(c);
        eq(staking.activeCount(), 3);
        uint256 gas = gasleft();
        _delegate(victim, a, 1 ether);
        ok(gas - gasleft() < 300_000, "no dearer by dust");
    }

    function test_reentrancyByAMaliciousRecipient() public {
        Reentrant thief = new Reentrant(this);
        staking.depositFees{value: 3 ether}(a);
        vm.prank(a);
        vm.expectRevert(); // the second claim would pay nothing and the first is undone: sending fails
        staking.claimFees(a, payable(address(thief)));
        ok(!thief.came(), "undone");
        near(_fees(a, a), 3 ether);
    }

    /// Called by the thief while it is being paid.
    function again() external {
        vm.prank(a);
        uint256 twice = staking.claimFees(a, payable(address(0x7E1F)));
        if (twice != 0) revert NotEqual(bytes32(twice), 0);
        revert NotTrue("nothing to take twice");
    }

    /// An upgrade of Staking that reverts: tickets are paid and credited; what is owed is swept when it is repaired.
    function test_upgradeOfStakingThatReverts() public {
        bytes32 slot = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc; // ERC-1967
        bytes32 good = vm.load(address(staking), slot);
        vm.store(address(staking), slot, bytes32(uint256(uint160(address(new BrokenStaking())))));
        TicketBroker.Ticket memory t;
        t.sender = sender;
        t.recipient = a;
        t.fee = 1 ether;
        t.faceValue = 1 ether;
        t.randHash = keccak256(abi.encode(bytes32(uint256(7))));
        t.round = rounds.currentRound();
        t.expiry = uint64(block.timestamp) + 1 hours;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SENDER_KEY, broker.ticketHash(t));
        eq(broker.redeem(t, v, r, s, bytes32(uint256(7)), 1 ether), 1 ether);
        eq(broker.sweep(a), 0);
        eq(broker.owed(a), 1 ether);
        vm.store(address(staking), slot, good);
        eq(broker.sweep(a), 1 ether);
        near(_fees(a, a), 1 ether);
    }
}
