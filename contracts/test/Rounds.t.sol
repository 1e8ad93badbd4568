// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Fixture} from "./Fixture.sol";
import {Rounds} from "../src/Rounds.sol";
import {CastToken} from "../src/CastToken.sol";

contract RoundsTest is Fixture {
    function test_roundsFollowTime() public {
        eq(rounds.currentRound(), 0);
        uint64 genesis = rounds.genesis();
        vm.warp(genesis + ROUND - 1);
        eq(rounds.currentRound(), 0);
        vm.warp(genesis + ROUND);
        eq(rounds.currentRound(), 1);
        (uint64 round, uint64 start, uint64 end,, bool recorded) = rounds.current();
        eq(round, 1);
        eq(start, genesis + ROUND);
        eq(end, genesis + 2 * ROUND);
        ok(!recorded, "nobody touched it");
    }

    function test_beaconIsRecordedAtFirstTouchAndStays() public {
        (bytes32 zero, bool recorded) = rounds.beacon(0);
        ok(recorded && zero != 0, "round 0 is defined");
        vm.warp(block.timestamp + 5 * ROUND);
        (bytes32 derived,) = rounds.beacon(5);
        eq(rounds.touch(), 5);
        (bytes32 value, bool recorded5) = rounds.beacon(5);
        ok(recorded5 && value != derived, "fresh randomness");
        vm.roll(200);
        rounds.touch();
        (bytes32 again,) = rounds.beacon(5);
        eq(again, value);
        (bytes32 third, bool recorded3) = rounds.beacon(3);
        ok(!recorded3, "round 3 passed untouched");
        eq(third, keccak256(abi.encode(zero, uint64(3))));
        vm.expectRevert(abi.encodeWithSelector(Rounds.FutureRound.selector, 6));
        rounds.beacon(6);
    }

    function test_mintingIsStakingsAlone() public {
        vm.expectRevert(abi.encodeWithSelector(Rounds.NotStaking.selector, address(this)));
        rounds.collect();
        vm.expectRevert(abi.encodeWithSelector(CastToken.NotMinter.selector, address(this)));
        token.mint(address(this), 1);
    }
}
