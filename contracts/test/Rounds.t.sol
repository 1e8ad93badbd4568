// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {CastToken} from "../src/CastToken.sol";
import {PrevrandaoBeacon} from "../src/PrevrandaoBeacon.sol";
import {Emission, Rounds} from "../src/Rounds.sol";
import {IBeacon} from "../src/interfaces/IBeacon.sol";
import {Fixture} from "./Fixture.sol";

contract BrokenSource is IBeacon {
    error Broken();

    function entropy(uint64) external pure returns (bytes32) {
        revert Broken();
    }
}

contract RoundsTest is Fixture {
    address private constant TREASURY = address(0x7EA5);

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

    function test_aBrokenSourceDoesNotStopTheClock() public {
        BrokenSource broken = new BrokenSource();
        _govern(abi.encodeCall(rounds.setSource, (broken)));
        eq(address(rounds.source()), address(broken));
        vm.warp(block.timestamp + ROUND);
        rounds.touch();
        (bytes32 value, bool recorded) = rounds.beacon(rounds.currentRound());
        ok(recorded && value != 0, "derived from the one before");
    }

    function test_mintingIsStakingsAlone() public {
        vm.expectRevert(abi.encodeWithSelector(Rounds.NotStaking.selector, address(this)));
        rounds.collect();
        vm.expectRevert(abi.encodeWithSelector(CastToken.NotMinter.selector, address(this)));
        token.mint(address(this), 1);
        vm.prank(address(staking));
        eq(rounds.collect(), 0);
    }

    /// Less than the target is in the set: inflation rises to its limit. More is: it falls to nothing.
    function test_inflationMovesTowardsTheTarget() public {
        _govern(abi.encodeCall(rounds.setEmission, (Emission(100, 50, 220, 500_000, 250_000, TREASURY))));
        uint256 supply = token.totalSupply();
        _inflates([uint32(150), 200, 220, 220]);
        // 790 ppb of the supply; the treasury has a quarter.
        uint256 made = token.totalSupply() - supply;
        ok(made >= (supply * 790) / 1e9 && made <= (supply * 791) / 1e9, "made");
        within(token.balanceOf(TREASURY), made / 4, 10);
        _govern(abi.encodeCall(rounds.setEmission, (Emission(120, 50, 220, 1, 0, address(0)))));
        _inflates([uint32(70), 20, 0, 0]);
    }

    /// A hundred of a million CAST are in the set, which is the target.
    function test_inflationStandsStillAtTheTarget() public {
        vm.prank(address(timelock));
        rounds.setEmission(Emission(70, 50, 220, 100, 0, address(0)));
        vm.warp(rounds.roundStart(1));
        rounds.touch();
        eq(rounds.emission().inflation, 70);
    }

    /// Rounds that nobody touched are made for as if somebody had touched each, but for what the supply grew by meanwhile.
    function testFuzz_missedRounds(uint32 first, uint32 change, uint32 limit, bool rises, uint16 gap) public {
        limit %= 1e6;
        first %= limit + 1;
        change %= 1000;
        uint32 target = rises ? 1_000_000 : 1; // a hundred of a million CAST are in the set
        vm.prank(address(timelock));
        rounds.setEmission(Emission(first, change, limit, target, 0, address(0)));
        uint256 supply = token.totalSupply();
        (uint256 count, uint256 rate, uint256 sum) = (1 + gap % 1000, first, 0);
        for (uint256 i = 0; i < count; ++i) {
            if (rises) rate = rate + change < limit ? rate + change : limit;
            else rate = rate > change ? rate - change : 0;
            sum += rate;
        }
        if (change == 0) (rate, sum) = (first, first * count);
        vm.warp(rounds.roundStart(uint64(count)));
        rounds.touch();
        eq(rounds.emission().inflation, rate);
        eq(token.totalSupply() - supply, (supply * sum) / 1e9);
    }

    function _inflates(uint32[4] memory want) private {
        for (uint256 i = 0; i < 4; ++i) {
            vm.warp(rounds.roundStart(rounds.currentRound() + 1));
            rounds.touch();
            eq(rounds.emission().inflation, want[i]);
        }
    }

    function test_emissionEndsAtTheCap() public {
        _govern(abi.encodeCall(rounds.setEmission, (Emission(1e9, 0, 1e9, 500_000, 0, address(0)))));
        vm.warp(block.timestamp + 100_000 * ROUND);
        rounds.touch();
        eq(token.totalSupply(), CAP);
        vm.warp(block.timestamp + ROUND);
        staking.reward(orchestrators[0]);
        eq(token.totalSupply(), CAP);
    }

    function test_withoutStakeNothingIsMade() public {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(orchestrators[i]);
            staking.leaveSet();
        }
        uint256 supply = token.totalSupply();
        vm.warp(block.timestamp + ROUND);
        rounds.touch();
        eq(token.totalSupply(), supply);
        vm.etch(address(staking), hex"fe"); // nor while Staking is broken
        vm.warp(block.timestamp + ROUND);
        rounds.touch();
        eq(token.totalSupply(), supply);
    }

    function test_emissionIsChecked() public {
        vm.startPrank(address(timelock));
        Emission[5] memory bad = [
            Emission(2, 0, 1, 0, 0, address(0)),
            Emission(0, 0, 1e9 + 1, 0, 0, address(0)),
            Emission(0, 0, 0, 1_000_001, 0, address(0)),
            Emission(0, 0, 0, 0, 1_000_001, TREASURY),
            Emission(0, 0, 0, 0, 1, address(0))
        ];
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(Rounds.InvalidEmission.selector);
            rounds.setEmission(bad[i]);
        }
        vm.stopPrank();
        address implementation = address(new Rounds());
        bytes memory init = abi.encodeCall(
            Rounds.initialize, (address(manager), token, staking, new PrevrandaoBeacon(), 0, _emission())
        );
        vm.expectRevert(Rounds.ZeroRoundLength.selector);
        new ERC1967Proxy(implementation, init);
    }

    function test_onlyTheTimelockChangesRounds() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this));
        vm.expectRevert(refused);
        rounds.setEmission(_emission());
        vm.expectRevert(refused);
        rounds.setSource(IBeacon(address(1)));
        vm.expectRevert(refused);
        rounds.upgradeToAndCall(address(1), "");
        uint64 genesis = rounds.genesis();
        _govern(abi.encodeCall(rounds.upgradeToAndCall, (address(new Rounds()), "")));
        eq(rounds.genesis(), genesis);
    }

    function test_tokenIsCappedAndBurnable() public {
        CastToken.Allocation[] memory supply = new CastToken.Allocation[](1);
        supply[0] = CastToken.Allocation(address(this), 11);
        vm.expectRevert(abi.encodeWithSelector(ERC20Capped.ERC20ExceededCap.selector, 11, 10));
        new CastToken(address(this), 10, supply);
        vm.expectRevert(abi.encodeWithSelector(CastToken.CapTooHigh.selector, 1 << 96));
        new CastToken(address(this), 1 << 96, supply);
        CastToken t = new CastToken(address(this), 20, supply);
        t.mint(address(this), 5);
        t.burn(6);
        eq(t.totalSupply(), 10);
        vm.prank(address(1));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(1), 0, 1));
        t.burn(1);
    }

    function _govern(bytes memory data) private {
        address target = address(rounds);
        vm.startPrank(proposer);
        timelock.schedule(target, 0, data, 0, bytes32(block.timestamp), TIMELOCK);
        bytes32 salt = bytes32(block.timestamp);
        vm.warp(block.timestamp + TIMELOCK);
        timelock.execute(target, 0, data, 0, salt);
        vm.stopPrank();
    }
}
