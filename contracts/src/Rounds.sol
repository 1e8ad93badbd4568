// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {CastToken} from "./CastToken.sol";
import {IRounds} from "./interfaces/IRounds.sol";

/// @title Rounds
/// @notice The network's clock: rounds of equal length in time, each with a beacon (public randomness that selection is drawn
/// from) and an emission of CAST. Rounds need nobody to begin; the first touch in a round records its beacon.
contract Rounds is IRounds {
    /// @notice What is recorded about a touched round.
    struct Record {
        bytes32 beacon; // never zero once touched
        uint128 emission; // CAST that may be minted in this round
        uint128 minted; // CAST that has been
    }

    /// @notice Parts of the supply that `emissionPpb` counts in.
    uint256 public constant PPB = 1e9;

    /// @inheritdoc IRounds
    uint64 public immutable genesis;
    /// @inheritdoc IRounds
    uint64 public immutable roundLength;
    /// @notice CAST emitted per round, in parts per billion of the supply.
    uint32 public immutable emissionPpb;
    /// @notice The token that is minted.
    CastToken public immutable token;
    /// @notice Where emission goes; the only caller of mintReward.
    address public immutable staking;

    /// @notice The last round that was touched.
    uint64 public lastTouched;

    mapping(uint64 round => Record) private _records;

    /// @notice The beacon of `round` was recorded; `emission` CAST may be minted in it.
    event RoundTouched(uint64 indexed round, bytes32 beacon, uint256 emission);
    /// @notice `amount` CAST was minted in `round`.
    event RewardMinted(uint64 indexed round, uint256 amount);

    /// @notice A round must last at least a second.
    error ZeroRoundLength();
    /// @notice `caller` is not Staking.
    error NotStaking(address caller);
    /// @notice `round` has not begun.
    error FutureRound(uint64 round);

    /// @param token_ CAST, whose minter is this contract
    /// @param staking_ the Staking contract
    /// @param roundLength_ seconds
    /// @param emissionPpb_ emission per round in parts per billion of the supply
    constructor(CastToken token_, address staking_, uint64 roundLength_, uint32 emissionPpb_) {
        if (roundLength_ == 0) revert ZeroRoundLength();
        token = token_;
        staking = staking_;
        roundLength = roundLength_;
        emissionPpb = emissionPpb_;
        genesis = uint64(block.timestamp);
        _record(0);
    }

    /// @inheritdoc IRounds
    function touch() public returns (uint64 round) {
        round = currentRound();
        if (_records[round].beacon == 0) {
            _record(round);
        }
    }

    /// @inheritdoc IRounds
    function mintReward(uint256 stake, uint256 activeStake) external returns (uint256 amount) {
        if (msg.sender != staking) revert NotStaking(msg.sender);
        uint64 round = touch();
        if (activeStake == 0) return 0;
        Record storage record = _records[round];
        uint256 left = record.emission - record.minted;
        amount = Math.min(Math.mulDiv(record.emission, stake, activeStake), left);
        record.minted += uint128(amount);
        emit RewardMinted(round, amount);
        token.mint(staking, amount);
    }

    /// @inheritdoc IRounds
    function currentRound() public view returns (uint64) {
        return (uint64(block.timestamp) - genesis) / roundLength;
    }

    /// @notice Seconds since the epoch at which `round` begins.
    function roundStart(uint64 round) public view returns (uint64) {
        return genesis + round * roundLength;
    }

    /// @notice The beacon of `round` and whether it was recorded. A round that nobody touched derives its beacon from the last
    /// one before it that was; for the present round this is preliminary until somebody touches it.
    function beacon(uint64 round) public view returns (bytes32 value, bool recorded) {
        if (round > currentRound()) revert FutureRound(round);
        value = _records[round].beacon;
        if (value != 0) return (value, true);
        uint64 base = round > lastTouched ? lastTouched : round;
        while (_records[base].beacon == 0) --base; // ends at round 0 at the latest
        return (keccak256(abi.encode(_records[base].beacon, round)), false);
    }

    /// @notice Everything a follower asks about the present round.
    function current() external view returns (uint64 round, uint64 start, uint64 end, bytes32 value, bool recorded) {
        round = currentRound();
        start = roundStart(round);
        end = start + roundLength;
        (value, recorded) = beacon(round);
    }

    /// @notice CAST that may be minted in `round` and that has been; zero for an untouched one.
    function emission(uint64 round) external view returns (uint256 mintable, uint256 minted) {
        Record storage record = _records[round];
        return (record.emission, record.minted);
    }

    function _record(uint64 round) private {
        bytes32 value =
            keccak256(abi.encode(_records[lastTouched].beacon, round, block.prevrandao, blockhash(block.number - 1)));
        uint256 amount = Math.mulDiv(token.totalSupply(), emissionPpb, PPB);
        _records[round] = Record({beacon: value, emission: uint128(amount), minted: 0});
        lastTouched = round;
        emit RoundTouched(round, value, amount);
    }
}
