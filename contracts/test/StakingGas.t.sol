// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Fixture, Vm} from "./Fixture.sol";

/// Gas of whole transactions through the proxy: 21,000, calldata, execution on cold storage, less refunds. Each call is a
/// transaction of its own (isolate), so nothing is warm. What was written before is said at each test. The figures are
/// committed in snapshots/Staking.json and compared by `make contracts`; the limits are the issue's.
/// forge-config: default.isolate = true
contract StakingGasTest is Fixture {
    uint16 private constant SIZE = 1000;
    address private member = address(uint160(0x10000 + 500));

    /// A full set of a thousand. In the round that is measured somebody has touched it, and `member` has changed before.
    function setUp() public override {
        vm.warp(1_800_000_000);
        vm.roll(100);
        _deploy(SIZE);
        for (uint160 i = 0; i < SIZE; ++i) {
            _register(address(0x10000 + i), 10 ether + i);
        }
        _delegate(delegator, member, 5 ether);
        _give(delegator, 100 ether);
        vm.startPrank(delegator);
        staking.unbond(member, 1 ether);
        staking.unbond(member, 1 ether);
        vm.stopPrank();
        vm.warp(block.timestamp + ROUND);
        staking.reward(member);
        vm.warp(block.timestamp + ROUND);
        rounds.touch();
        staking.reward(address(0x10000));
    }

    function _measure(string memory name, uint256 limit) private {
        Vm.Gas memory last = vm.lastCallGas();
        uint256 refund = uint256(uint64(last.gasRefunded));
        uint256 gas = last.gasTotalUsed - refund; // all are below the fifth that is given back at most
        vm.snapshotValue("Staking", name, gas);
        if (limit != 0) ok(gas <= limit, string.concat(name, " is dearer than its limit"));
    }

    /// Emission of one round is waiting for the pool.
    function test_reward() public {
        staking.reward(member);
        _measure("reward", 45_000);
    }

    /// The pool's second change in the round; allowance is infinite.
    function test_bondMore() public {
        staking.checkpoint(member);
        vm.prank(delegator);
        staking.delegate(member, 1 ether);
        _measure("bond more", 75_000);
    }

    /// The same, with fees since the last change.
    function test_bondMoreWithFees() public {
        staking.checkpoint(member);
        staking.depositFees{value: 1 ether}(member);
        vm.prank(delegator);
        staking.delegate(member, 1 ether);
        _measure("bond more, fees pending", 75_000);
    }

    /// The pool's first change in the round: emission is waiting, and a checkpoint is written.
    function test_bondMoreFirstInRound() public {
        vm.prank(delegator);
        staking.delegate(member, 1 ether);
        _measure("bond more, first of the round", 0);
    }

    /// The first transaction of a round pays for its beacon and its emission.
    function test_bondMoreFirstOfAll() public {
        vm.warp(block.timestamp + ROUND);
        vm.prank(delegator);
        staking.delegate(member, 1 ether);
        _measure("bond more, begins the round", 0);
    }

    /// A change of stake without a transfer of CAST: the second in the round.
    function test_stakeChange() public {
        staking.checkpoint(member);
        vm.prank(delegator);
        staking.rebond(1);
        _measure("stake change (rebond), set of 1000", 60_000);
    }

    /// A new unbonding writes two new slots.
    function test_unbond() public {
        staking.checkpoint(member);
        vm.prank(delegator);
        staking.unbond(member, 1 ether);
        _measure("unbond, set of 1000", 0);
    }

    function test_move() public {
        staking.checkpoint(member);
        staking.checkpoint(address(0x10000));
        vm.prank(delegator);
        staking.move(member, address(0x10000), 1 ether);
        _measure("move", 0);
    }

    function test_withdraw() public {
        vm.warp(block.timestamp + UNBONDING);
        vm.prank(delegator);
        staking.withdraw(0);
        _measure("withdraw", 0);
    }

    function test_claimFees() public {
        staking.depositFees{value: 1 ether}(member);
        vm.prank(delegator);
        staking.claimFees(member, payable(delegator));
        _measure("claim fees", 0);
    }

    /// The pool was paid fees before.
    function test_depositFees() public {
        staking.depositFees{value: 1 ether}(member);
        staking.depositFees{value: 1 ether}(member);
        _measure("deposit fees", 0);
    }

    /// The joiner was a member before; emission of the round is waiting for the victim.
    function test_joinFullSet() public {
        address late = address(0x9999);
        _register(late, 20 ether);
        vm.prank(late);
        staking.join(member);
        _measure("join a full set", 75_000);
    }

    function test_register() public {
        vm.startPrank(member);
        staking.leaveSet();
        vm.stopPrank();
        _register(address(0x9999), 20 ether);
        _measure("register and join", 0);
    }
}
