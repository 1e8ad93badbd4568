// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Fixture} from "./Fixture.sol";
import {Staking} from "../src/Staking.sol";
import {StakingState, Listing, Registration, Unbonding} from "../src/staking/StakingState.sol";

contract StakingTest is Fixture {
    function _stake(address orchestrator, address who) private view returns (uint256 stake) {
        (stake,,) = views.positionInfo(orchestrator, who);
    }

    function _fees(address orchestrator, address who) private view returns (uint256 fees) {
        (,, fees) = views.positionInfo(orchestrator, who);
    }

    function test_oneCallListsTheActiveSet() public view {
        Listing[] memory list = views.orchestrators(0, 100);
        eq(list.length, 3);
        eq(list[1].id, orchestrators[1]);
        eq(list[1].operator, address(uint160(orchestrators[1]) + 0x1000));
        eq(list[1].stake, 30 ether);
        eq(list[1].selfStake, 30 ether);
        eq(keccak256(bytes(list[1].serviceURI)), keccak256("https://127.0.0.1:8935"));
        ok(list[1].active, "active");
        eq(views.orchestrators(1, 1).length, 1);
        eq(views.orchestrators(3, 1).length, 0);
        eq(staking.totalActiveStake(), 100 ether);
        eq(staking.activeCount(), 3);
    }

    function test_registrationIsChecked() public {
        address owner = address(0xA9);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, owner));
        staking.register(Registration(owner, 0, 0, "x", 0), 0, "");
        address taken = address(uint160(orchestrators[0]) + 0x1000);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidOperator.selector, taken));
        staking.register(Registration(taken, 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidServiceURI.selector, 0));
        staking.register(Registration(address(1), 0, 0, "", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.InvalidCut.selector, 1_000_001));
        staking.register(Registration(address(1), 1_000_001, 0, "x", 0), 0, "");
        staking.register(Registration(address(1), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRegistered.selector, owner));
        staking.register(Registration(address(2), 0, 0, "x", 0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(StakingState.SelfStakeTooLow.selector, 0, 1 ether));
        staking.join(address(0));
    }

    function test_operatorChangesWithTheNextRound() public {
        address before = views.operatorAt(orchestrators[0], 0);
        vm.prank(orchestrators[0]);
        staking.setOperator(address(0x77), "");
        eq(views.operatorAt(orchestrators[0], 0), before);
        eq(views.operatorAt(orchestrators[0], 1), address(0x77));
        eq(views.orchestratorInfo(orchestrators[0]).operator, before);
        vm.warp(block.timestamp + ROUND);
        eq(views.orchestratorInfo(orchestrators[0]).operator, address(0x77));
    }

    function test_feesAreSplitBetweenOwnerAndShares() public {
        _delegate(delegator, orchestrators[0], 50 ether);
        staking.depositFees{value: 1 ether}(orchestrators[0]);
        // Half is shared over 100 CAST, of which each holds 50.
        near(_fees(orchestrators[0], delegator), 0.25 ether);
        near(_fees(orchestrators[0], orchestrators[0]), 0.75 ether);

        vm.prank(delegator);
        staking.claimFees(orchestrators[0], payable(delegator));
        near(delegator.balance, 0.25 ether);
        vm.prank(orchestrators[0]);
        staking.claimFees(orchestrators[0], payable(address(0xBEEF)));
        near(address(0xBEEF).balance, 0.75 ether);
        eq(_fees(orchestrators[0], delegator), 0);
    }

    function test_feesDontReachStakeThatCameLater() public {
        staking.depositFees{value: 1 ether}(orchestrators[0]);
        _delegate(delegator, orchestrators[0], 50 ether);
        eq(_fees(orchestrators[0], delegator), 0);
        near(_fees(orchestrators[0], orchestrators[0]), 1 ether);
    }

    function test_feesWithoutSharesAreTheOwners() public {
        address nobody = address(0x50B0D1);
        staking.depositFees{value: 1 ether}(nobody);
        vm.prank(nobody);
        staking.claimFees(nobody, payable(nobody));
        eq(nobody.balance, 1 ether);
    }

    function test_unbondWithdraw() public {
        _delegate(delegator, orchestrators[0], 50 ether);
        vm.startPrank(delegator);
        vm.expectRevert(abi.encodeWithSelector(StakingState.InsufficientStake.selector, 51 ether, 50 ether));
        staking.unbond(orchestrators[0], 51 ether);
        eq(staking.unbond(orchestrators[0], 20 ether), 0);
        eq(staking.unbond(orchestrators[0], type(uint256).max), 1);
        eq(staking.totalActiveStake(), 100 ether);
        uint64 at = uint64(block.timestamp) + UNBONDING;
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 0, at));
        staking.withdraw(0);
        vm.warp(at);
        staking.withdraw(0);
        staking.withdraw(1);
        eq(token.balanceOf(delegator), 50 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.NotReleased.selector, 0, 0));
        staking.withdraw(0);
    }

    function test_ownerBelowTheMinimumLeavesTheSet() public {
        vm.startPrank(orchestrators[0]);
        staking.unbond(orchestrators[0], 49.5 ether);
        ok(!views.orchestratorInfo(orchestrators[0]).active, "left");
        eq(staking.activeCount(), 2);
        eq(staking.totalActiveStake(), 50 ether);
        eq(views.orchestrators(0, 9)[0].id, orchestrators[2]);
        vm.stopPrank();
        _delegate(orchestrators[0], orchestrators[0], 1 ether);
        ok(views.orchestratorInfo(orchestrators[0]).active, "back");
    }

    function test_joiningAFullSetNamesAVictimWithLessStake() public {
        address late = address(0xA4);
        _register(late, 25 ether);
        ok(!views.orchestratorInfo(late).active, "the set is full");
        vm.startPrank(late);
        vm.expectRevert(abi.encodeWithSelector(StakingState.SetFull.selector, orchestrators[1]));
        staking.join(orchestrators[1]);
        staking.join(orchestrators[2]);
        ok(views.orchestratorInfo(late).active, "in");
        ok(!views.orchestratorInfo(orchestrators[2]).active, "out");
        eq(staking.totalActiveStake(), 105 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyActive.selector, late));
        staking.join(orchestrators[1]);
    }

    function test_rewardFollowsStakeAndCut() public {
        _delegate(delegator, orchestrators[0], 50 ether);
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRewarded.selector, 0));
        staking.reward(orchestrators[0]);
        vm.warp(block.timestamp + ROUND);
        uint256 emission = token.totalSupply() / 10_000; // 100,000 ppb
        staking.reward(orchestrators[0]);
        uint256 amount = emission * 100 ether / 150 ether;
        uint256 shared = amount - amount / 10;
        within(_stake(orchestrators[0], delegator), 50 ether + shared / 2, 100);
        within(views.orchestratorInfo(orchestrators[0]).commission, amount / 10, 100);
        vm.expectRevert(abi.encodeWithSelector(StakingState.AlreadyRewarded.selector, 1));
        staking.reward(orchestrators[0]);
        staking.reward(orchestrators[1]);
    }

    /// Whatever happens, the pools never owe more than Staking holds.
    function testFuzz_staysSolvent(uint256 seed) public {
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed, i)));
            address orchestrator = orchestrators[seed % 3];
            address who = address(uint160(0xD00 + (seed >> 8) % 4));
            uint256 amount = 1 + (seed >> 16) % 10 ether;
            uint256 action = (seed >> 128) % 5;
            if (action == 0) _delegate(who, orchestrator, amount);
            if (action == 1) staking.depositFees{value: amount}(orchestrator);
            vm.startPrank(who);
            if (action == 2) try staking.unbond(orchestrator, amount) {} catch {}
            if (action == 3) staking.claimFees(orchestrator, payable(who));
            vm.stopPrank();
            if (action == 4) {
                try staking.reward(orchestrator) {} catch {}
                vm.warp(block.timestamp + ROUND / 2);
            }
        }
        _assertSolvent();
    }

    function _assertSolvent() private view {
        uint256 fees;
        uint256 stake;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 poolStake = _stake(orchestrators[i], orchestrators[i]);
            fees += _fees(orchestrators[i], orchestrators[i]);
            for (uint160 d = 0; d < 4; ++d) {
                poolStake += _stake(orchestrators[i], address(0xD00 + d));
                fees += _fees(orchestrators[i], address(0xD00 + d));
            }
            ok(poolStake <= views.orchestratorInfo(orchestrators[i]).stake, "positions fit into the pool");
            stake += views.orchestratorInfo(orchestrators[i]).stake;
        }
        for (uint160 d = 0; d < 4; ++d) {
            Unbonding[] memory u = views.unbondings(address(0xD00 + d));
            for (uint256 i = 0; i < u.length; ++i) {
                stake += u[i].amount;
            }
        }
        ok(fees <= address(staking).balance, "fees are held");
        ok(token.balanceOf(address(staking)) >= stake, "stake is held");
    }
}
