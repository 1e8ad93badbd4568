// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Staking} from "../src/Staking.sol";
import {Listing, Registration, StakingParameters, StakingState, Unbonding} from "../src/staking/StakingState.sol";
import {Fixture} from "./Fixture.sol";

contract StakingTest is Fixture {
    address private a = orchestrators[0];
    address private b = orchestrators[1];
    address private c = orchestrators[2];

    // ---------------------------------------------------------------- registry

    function test_oneCallListsTheActiveSet() public view {
        Listing[] memory list = views.orchestrators(0, 100);
        eq(list.length, 3);
        eq(list[1].id, b);
        eq(list[1].operator, address(uint160(b) + 0x1000));
        eq(list[1].stake, 30 ether);
        eq(list[1].weight, 30 ether);
        eq(list[1].selfStake, 30 ether);
        eq(list[1].capabilities, 7);
        eq(keccak256(bytes(list[1].serviceURI)), keccak256("https://127.0.0.1:8935"));
        ok(list[1].active, "active");
        eq(views.orchestrators(1, 1).length, 1);
        eq(views.orchestrators(3, 1).length, 0);
        eq(views.activeSet()[1], (uint256(30 ether) << 160) | uint160(b));
        eq(staking.totalActiveStake(), 100 ether);
        eq(staking.activeCount(), 3);
    }

    function test_registrationIsChecked() public {
        address owner = address(0xA9);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, owner));
        staking.register(Registration(owner, 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, address(0)));
        staking.register(Registration(address(0), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, _operator(a)));
        staking.register(Registration(_operator(a), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidServiceURI.selector, 0));
        staking.register(Registration(address(1), 0, 0, "", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidServiceURI.selector, 257));
        staking.register(Registration(address(1), 0, 0, string(new bytes(257)), 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidCut.selector, 1_000_001));
        staking.register(Registration(address(1), 1_000_001, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidCut.selector, 1_000_002));
        staking.register(Registration(address(1), 0, 1_000_002, "x", 0), 0, "");
        staking.register(Registration(address(1), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRegistered.selector, owner));
        staking.register(Registration(address(2), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.SelfStakeTooLow.selector, 0, 1 ether));
        staking.join(address(0));
        staking.setServiceURI("https://else");
        staking.setCapabilities(9);
        eq(views.orchestratorInfo(owner).capabilities, 9);
        eq(keccak256(bytes(views.orchestratorInfo(owner).serviceURI)), keccak256("https://else"));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotRegistered.selector, address(this)));
        staking.setCapabilities(9);
    }

    function test_operatorChangesWithTheNextRound() public {
        vm.prank(a);
        staking.setOperator(address(0x77), "");
        eq(views.operatorAt(a, 0), _operator(a));
        eq(views.operatorAt(a, 1), address(0x77));
        vm.warp(block.timestamp + ROUND);
        eq(views.orchestratorInfo(a).operator, address(0x77));
        eq(views.operatorAt(a, 0), _operator(a)); // evidence of round 0 is judged by the key of round 0
        eq(views.operatorAt(address(1), 0), address(0));
    }

    function test_consentTakesASquattedKeyBack() public {
        address key = vm.addr(0x5EC);
        vm.prank(a);
        staking.setOperator(key, "");
        vm.prank(b);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, key));
        staking.setOperator(key, "");
        bytes memory forA = _consent(0x5EC, a);
        bytes32 digest = staking.consentDigest(b);
        vm.prank(b);
        vm.expectRevert();
        staking.setOperator(key, forA);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xBAD, digest);
        vm.prank(b);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidConsent.selector, vm.addr(0xBAD), key));
        staking.setOperator(key, abi.encodePacked(r, s, v));

        bytes memory forB = _consent(0x5EC, b);
        vm.prank(b);
        staking.setOperator(key, forB);
        (address owner, bool consented) = views.orchestratorOf(key);
        eq(owner, b);
        ok(consented, "consented");
        vm.prank(a);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, key));
        staking.setOperator(key, forA);
        vm.prank(b);
        staking.setOperator(key, ""); // consent lasts
        (, consented) = views.orchestratorOf(key);
        ok(consented, "still");
    }

    function _consent(uint256 key, address owner) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, staking.consentDigest(owner));
        return abi.encodePacked(r, s, v);
    }

    function test_cutsComeIntoForceAfterAnUnbondingPeriod() public {
        _delegate(delegator, a, 50 ether);
        vm.prank(a);
        staking.setCuts(1_000_000, 0);
        Listing memory l = views.orchestratorInfo(a);
        eq(l.rewardCut, 100_000);
        eq(l.nextRewardCut, 1_000_000);
        eq(l.cutsAt, block.timestamp + UNBONDING);
        vm.warp(l.cutsAt - 1);
        staking.depositFees{value: 2 ether}(a);
        near(_fees(a, delegator), 0.5 ether);
        // Who begins to leave when it is announced is out when it holds; emission of before is cut as before.
        staking.reward(a);
        uint256 grown = _stake(a, delegator);
        ok(grown > 50 ether, "the old cut");
        vm.warp(l.cutsAt);
        staking.depositFees{value: 2 ether}(a);
        near(_fees(a, delegator), 0.5 ether); // fees are shared by the new ones at once
        staking.reward(a);
        ok(_stake(a, delegator) > grown, "emission of before the change is cut as before");
        grown = _stake(a, delegator);
        eq(views.orchestratorInfo(a).rewardCut, 1_000_000);
        vm.warp(block.timestamp + ROUND);
        staking.reward(a);
        eq(_stake(a, delegator), grown);
        vm.prank(a);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidCut.selector, 1_000_001));
        staking.setCuts(1_000_001, 0);
    }

    // ---------------------------------------------------------------- active set

    function test_ownerBelowTheMinimumLeavesTheSet() public {
        vm.prank(a);
        staking.unbond(a, 49.5 ether);
        ok(!views.orchestratorInfo(a).active, "left");
        eq(staking.activeCount(), 2);
        eq(staking.totalActiveStake(), 50 ether);
        eq(views.orchestrators(0, 9)[0].id, c);
        ok(!staking.isEligible(a, 0), "not eligible");
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotActive.selector, a));
        staking.reward(a);
        vm.prank(a);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotActive.selector, a));
        staking.leaveSet();
        vm.prank(a);
        staking.rebond(0);
        ok(views.orchestratorInfo(a).active, "back");
    }

    function test_joiningAFullSetNamesAVictimWithLessStake() public {
        vm.warp(block.timestamp + ROUND);
        address late = address(0xA4);
        _register(late, 45 ether); // the emission of the round comes to the members, who may have less than they seem to
        ok(!views.orchestratorInfo(late).active, "the set is full");
        vm.startPrank(late);
        vm.expectRevert(abi.encodeWithSelector(StakingState.SetFull.selector, b));
        staking.join(b);
        vm.expectRevert(abi.encodeWithSelector(StakingState.SetFull.selector, late));
        staking.join(late);
        staking.join(c);
        ok(views.orchestratorInfo(late).active, "in");
        ok(!views.orchestratorInfo(c).active, "out");
        ok(!staking.isEligible(late, 1) && staking.isEligible(late, 2), "counts from the next round on");
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyActive.selector, late));
        staking.join(b);
        vm.stopPrank();
        _eqActiveStake();
    }

    function test_leavingTheSetLeavesTheStake() public {
        vm.startPrank(b);
        staking.leaveSet();
        eq(_stake(b, b), 30 ether);
        staking.join(address(0));
        vm.stopPrank();
        eq(staking.activeCount(), 3);
        _eqActiveStake();
    }

    // ---------------------------------------------------------------- stake

    function test_severalUnbondingsAtOnce() public {
        _delegate(delegator, a, 50 ether);
        vm.startPrank(delegator);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InsufficientStake.selector, 51 ether, 50 ether));
        staking.unbond(a, 51 ether);
        vm.expectRevert(StakingState.ZeroAmount.selector);
        staking.unbond(a, 0);
        vm.expectRevert(StakingState.ZeroAmount.selector);
        staking.delegate(a, 0);
        eq(staking.unbond(a, 20 ether), 0);
        vm.warp(block.timestamp + 1);
        eq(staking.unbond(a, 5 ether), 1);
        eq(staking.unbond(a, type(uint256).max), 2);
        vm.expectRevert(StakingState.ZeroAmount.selector);
        staking.unbond(a, type(uint256).max);
        Unbonding[] memory list = views.unbondings(delegator);
        eq(list.length, 3);
        eq(list[2].amount, 25 ether);
        staking.rebond(1);
        eq(_stake(a, delegator), 5 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 1, 0));
        staking.rebond(1);
        uint64 at = list[0].releaseAt;
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 0, at));
        staking.withdraw(0);
        vm.warp(at + 1);
        staking.withdraw(0);
        staking.withdraw(2);
        eq(token.balanceOf(delegator), 45 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 0, 0));
        staking.withdraw(0);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 9, 0));
        staking.withdraw(9);
    }

    function test_movedStakeWorksAtOnceAndStandsStill() public {
        _delegate(delegator, a, 50 ether);
        vm.startPrank(delegator);
        vm.expectRevert(StakingState.SamePool.selector);
        staking.move(a, a, 1);
        staking.move(a, b, 30 ether);
        eq(_stake(b, delegator), 30 ether);
        eq(_stake(a, delegator), 20 ether);
        eq(staking.totalActiveStake(), 150 ether);
        (address from, uint256 liable, uint64 until) = views.moveInfo(b, delegator);
        eq(from, a);
        eq(liable, 30 ether);
        eq(until, block.timestamp + UNBONDING);
        bytes memory running = abi.encodeWithSelector(StakingState.MoveRunning.selector, b, until);
        vm.expectRevert(running);
        staking.move(a, b, 1 ether);
        vm.expectRevert(running);
        staking.unbond(b, 1 ether);
        vm.expectRevert(running);
        staking.unbond(b, type(uint256).max);
        vm.expectRevert(running);
        staking.move(b, c, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InsufficientStake.selector, 31 ether, 0));
        staking.unbond(b, 31 ether);
        vm.stopPrank();
        _delegate(delegator, b, 2 ether);
        vm.startPrank(delegator);
        staking.unbond(b, 2 ether); // what did not move is free
        vm.warp(until);
        staking.unbond(b, type(uint256).max);
        (from, liable, until) = views.moveInfo(b, delegator);
        eq(until, 0);
        vm.stopPrank();
        vm.prank(a);
        vm.expectRevert(StakingState.OwnerCannotMove.selector);
        staking.move(a, b, 1 ether);
        staking.settleMove(b, delegator); // nothing to do
    }

    /// Self-stake that came by a move would go on counting after a slash of the pool that it came from.
    function test_noSelfStakeByAMove() public {
        _delegate(c, a, 5 ether);
        vm.prank(c);
        vm.expectRevert(StakingState.OwnerCannotMove.selector);
        staking.move(a, c, 5 ether);
    }

    function test_stakeIsCheckpointedPerRound() public {
        eq(views.stakeAt(address(1), 0), 0);
        vm.warp(block.timestamp + ROUND);
        _delegate(delegator, a, 5 ether);
        _delegate(delegator, a, 5 ether);
        eq(views.stakeAt(a, 1), 50 ether);
        uint256 next = views.orchestratorInfo(a).stake;
        eq(views.stakeAt(a, 2), next);
        vm.warp(block.timestamp + 3 * ROUND);
        staking.reward(a);
        eq(views.stakeAt(a, 5), next); // a reward alone is not written down
        staking.checkpoint(a);
        ok(views.stakeAt(a, 5) > next, "the checkpoint");
        eq(views.stakeAt(a, 4), next);
        eq(views.stakeAt(a, 0), 50 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotRegistered.selector, address(1)));
        staking.checkpoint(address(1));
    }

    // ---------------------------------------------------------------- earnings

    function test_feesAreSplitBetweenOwnerAndShares() public {
        _delegate(delegator, a, 50 ether);
        staking.depositFees{value: 1 ether}(a);
        // Half is shared over 100 CAST, of which each holds 50.
        near(_fees(a, delegator), 0.25 ether);
        near(_fees(a, a), 0.75 ether);
        vm.prank(delegator);
        staking.claimFees(a, payable(delegator));
        near(delegator.balance, 0.25 ether);
        vm.prank(a);
        staking.claimFees(a, payable(address(0xBEEF)));
        near(address(0xBEEF).balance, 0.75 ether);
        eq(_fees(a, delegator), 0);
        vm.prank(delegator);
        staking.unbond(a, 50 ether);
        staking.depositFees{value: 1 ether}(a);
        eq(_fees(a, delegator), 0);
    }

    function test_feesStayWhatTheyAreWhenSharesChange() public {
        _delegate(delegator, a, 50 ether);
        staking.depositFees{value: 1 ether}(a);
        _delegate(delegator, a, 150 ether);
        near(_fees(a, delegator), 0.25 ether);
        vm.prank(delegator);
        staking.unbond(a, 200 ether);
        near(_fees(a, delegator), 0.25 ether);
    }

    function test_rewardFollowsStakeAndCut() public {
        _delegate(delegator, a, 50 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRewarded.selector, 0));
        staking.reward(a);
        vm.warp(block.timestamp + ROUND);
        uint256 emission = token.totalSupply() / 10_000; // 100,000 ppb
        staking.reward(a);
        uint256 amount = (emission * 100 ether) / 150 ether;
        uint256 shared = amount - amount / 10;
        within(_stake(a, delegator), 50 ether + shared / 2, 100);
        within(views.orchestratorInfo(a).commission, amount / 10, 100);
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRewarded.selector, 1));
        staking.reward(a);
        (uint256 before,,) = views.positionInfo(b, b);
        staking.reward(b);
        eq(_stake(b, b), before); // views count what is coming
        vm.prank(a);
        within(staking.claimCommission(address(0xC0)), amount / 10, 100);
        within(token.balanceOf(address(0xC0)), amount / 10, 100);
        _eqActiveStake();
    }

    // ---------------------------------------------------------------- slashing

    function test_slashTakesTheOwnersStakeFirst() public {
        _delegate(delegator, a, 50 ether);
        vm.prank(a);
        staking.unbond(a, 10 ether);
        vm.prank(judge);
        (uint256 taken, uint256 own) = staking.slash(a, 20 ether);
        eq(taken, 20 ether);
        eq(own, 20 ether);
        eq(token.balanceOf(judge), 20 ether);
        eq(_stake(a, delegator), 50 ether);
        eq(_stake(a, a), 24 ether); // 20 of 50, of what is bonded and what is on its way out alike
        eq(views.unbondings(a)[0].amount, 6 ether);
        (,, uint256 exiting, uint256 survival) = views.poolInfo(a);
        eq(exiting, 6 ether);
        eq(survival, 1e27);
        _eqActiveStake();
    }

    function test_slashBeyondTheOwnerIsSharedAndCapped() public {
        _delegate(delegator, a, 50 ether);
        vm.prank(delegator);
        staking.unbond(a, 20 ether);
        vm.prank(judge);
        (uint256 taken, uint256 own) = staking.slash(a, 1000 ether);
        eq(own, 25 ether); // half of 50
        eq(taken, 25 ether + 37.5 ether); // and half of the 75 that are left
        eq(_stake(a, delegator), 15 ether);
        eq(views.unbondings(delegator)[0].amount, 10 ether);
        (,,, uint256 survival) = views.poolInfo(a);
        eq(survival, 0.5e27);
        _eqActiveStake();
        vm.prank(judge);
        (taken, own) = staking.slash(address(0x404), 1 ether);
        eq(taken, 0);
    }

    function test_slashBelowTheMinimumPutsOut() public {
        vm.startPrank(judge);
        for (uint256 i = 0; i < 6; ++i) {
            staking.slash(c, 1000 ether);
        }
        ok(!views.orchestratorInfo(c).active, "out");
        vm.stopPrank();
        _eqActiveStake();
    }

    function test_jailKeepsOutUntilTheRound() public {
        vm.startPrank(judge);
        staking.jail(a, 2);
        staking.jail(a, 1); // never shortens
        vm.stopPrank();
        ok(!views.orchestratorInfo(a).active, "out");
        vm.prank(a);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InJail.selector, a, 2));
        staking.join(address(0));
        _delegate(a, a, 1 ether);
        ok(!views.orchestratorInfo(a).active, "bonding is no way out");
        vm.warp(block.timestamp + 2 * ROUND);
        vm.prank(a);
        staking.join(address(0));
        ok(views.orchestratorInfo(a).active, "in");
    }

    // ---------------------------------------------------------------- authority

    function test_onlyTheAuthorityPunishesAndUpgrades() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this));
        vm.expectRevert(refused);
        staking.slash(a, 1);
        vm.expectRevert(refused);
        staking.jail(a, 1);
        vm.expectRevert(refused);
        staking.upgradeToAndCall(address(1), "");
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        staking.initialize(address(this));
    }

    function test_upgradeGoesThroughTheTimelock() public {
        StakingParameters memory p = StakingParameters(2 ether, UNBONDING, 5, MAX_SLASH);
        bytes memory upgrade = abi.encodeCall(staking.upgradeToAndCall, (address(new Staking(token, rounds, p)), ""));
        vm.startPrank(proposer);
        timelock.schedule(address(staking), 0, upgrade, 0, 0, TIMELOCK);
        vm.warp(block.timestamp + TIMELOCK - 1);
        vm.expectRevert();
        timelock.execute(address(staking), 0, upgrade, 0, 0);
        vm.warp(block.timestamp + 1);
        timelock.execute(address(staking), 0, upgrade, 0, 0);
        eq(staking.minSelfStake(), 2 ether);
        ok(_stake(a, a) >= 50 ether, "what was there is there");
    }

    function test_parametersAreChecked() public {
        StakingParameters[4] memory bad = [
            StakingParameters(1e12 - 1, 1, 1, 1),
            StakingParameters(1e12, 0, 1, 1),
            StakingParameters(1e12, 1, 0, 1),
            StakingParameters(1e12, 1, 1, 500_001)
        ];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(StakingState.InvalidParameters.selector);
            new Staking(token, rounds, bad[i]);
        }
    }

    function test_leavingDoesNotDependOnRounds() public {
        _delegate(delegator, a, 5 ether);
        vm.warp(block.timestamp + ROUND);
        vm.etch(address(rounds), hex"fe");
        vm.startPrank(delegator);
        staking.unbond(a, 5 ether);
        vm.warp(block.timestamp + UNBONDING);
        staking.withdraw(0);
        eq(token.balanceOf(delegator), 5 ether);
    }
}
