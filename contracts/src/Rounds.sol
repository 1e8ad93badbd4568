// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessManagedUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/manager/AccessManagedUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {CastToken} from "./CastToken.sol";
import {IActiveStake} from "./interfaces/IActiveStake.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {IRounds} from "./interfaces/IRounds.sol";

/// @notice How much CAST is made. Rates are per round.
struct Emission {
    uint32 inflation; // of the supply, in parts per billion, now
    uint32 change; // parts per billion by which it moves each round
    uint32 maxInflation; // parts per billion
    uint32 targetBonding; // ppm of the supply in the active set at which inflation stands still
    uint32 treasuryCut; // ppm of what is made
    address treasury;
}

/// @title Rounds
/// @notice The network's clock: rounds of equal length in time, each with a beacon (public randomness that selection is drawn
/// from) and an emission of CAST. Rounds need nobody to begin; the first touch in a round records its beacon and mints what is
/// due for it and for the rounds before it that nobody touched.
///
/// Inflation moves towards the rate at which the target part of the supply is staked: up while less is, down while more is. The
/// token's cap ends it. Round 0 begins with the deployment, has a beacon, and no emission.
/// @custom:oz-upgrades-unsafe-allow constructor
contract Rounds layout at erc7201("castnet.storage.Rounds") is IRounds, AccessManagedUpgradeable, UUPSUpgradeable {
    /// @notice Parts of the supply that inflation counts in.
    uint256 public constant PPB = 1e9;
    /// @notice A whole, in the unit of cuts.
    uint32 public constant PPM = 1_000_000;

    /// @inheritdoc IRounds
    uint64 public genesis;
    /// @inheritdoc IRounds
    uint64 public roundLength;
    /// @notice The last round that was touched.
    uint64 public lastTouched;
    /// @notice The token that is minted.
    CastToken public token;
    /// @notice Where emission goes; the only caller of collect.
    IActiveStake public staking;
    /// @notice Where randomness comes from.
    IBeacon public source;
    /// @notice CAST that was minted to Staking and is not in its books yet.
    uint256 public uncollected;

    Emission private _emission;
    mapping(uint64 round => bytes32) private _beacons; // never zero once touched

    /// @notice The beacon of `round` was recorded; `emission` CAST was minted, `toTreasury` of it to the treasury.
    event RoundTouched(uint64 indexed round, bytes32 beacon, uint32 inflation, uint256 emission, uint256 toTreasury);
    /// @notice Staking has `amount` in its books.
    event EmissionHandedOver(uint64 indexed round, uint256 amount);
    /// @notice How much is made has changed.
    event EmissionSet(
        uint32 inflation, uint32 change, uint32 maxInflation, uint32 targetBonding, uint32 treasuryCut, address treasury
    );
    /// @notice Randomness comes from `source` from now on.
    event SourceSet(IBeacon source);

    /// @notice A round must last at least a second.
    error ZeroRoundLength();
    /// @notice Parts per million or billion that are more than a whole, or a cut without a treasury.
    error InvalidEmission();
    /// @notice `caller` is not Staking.
    error NotStaking(address caller);
    /// @notice `round` has not begun.
    error FutureRound(uint64 round);

    constructor() {
        _disableInitializers();
    }

    /// @notice Makes a proxy ready; round 0 begins.
    /// @param authority the AccessManager that says who may upgrade and set emission and source
    /// @param token_ CAST, whose minter is this contract
    /// @param staking_ the Staking contract
    /// @param source_ where randomness comes from
    /// @param roundLength_ seconds
    /// @param emission_ how much is made
    function initialize(
        address authority,
        CastToken token_,
        IActiveStake staking_,
        IBeacon source_,
        uint64 roundLength_,
        Emission calldata emission_
    ) external initializer {
        __AccessManaged_init(authority);
        if (roundLength_ == 0) revert ZeroRoundLength();
        token = token_;
        staking = staking_;
        roundLength = roundLength_;
        genesis = uint64(block.timestamp);
        _setSource(source_);
        _setEmission(emission_);
        emit RoundTouched(0, _record(0), emission_.inflation, 0, 0);
    }

    /// @inheritdoc IRounds
    function touch() public returns (uint64 round) {
        round = currentRound();
        uint64 last = lastTouched;
        if (round == last) return round;
        bytes32 value = _record(round);
        (uint256 amount, uint256 toTreasury) = _due(round - last);
        emit RoundTouched(round, value, _emission.inflation, amount, toTreasury);
        uncollected += amount - toTreasury;
        if (amount != toTreasury) token.mint(address(staking), amount - toTreasury);
        if (toTreasury != 0) token.mint(_emission.treasury, toTreasury);
    }

    /// @inheritdoc IRounds
    function collect() external returns (uint256 amount) {
        if (msg.sender != address(staking)) revert NotStaking(msg.sender);
        uint64 round = touch();
        amount = uncollected;
        if (amount == 0) return 0;
        uncollected = 0;
        emit EmissionHandedOver(round, amount);
    }

    /// @notice Changes how much is made, from the next touch on.
    function setEmission(Emission calldata emission_) external restricted {
        touch();
        _setEmission(emission_);
    }

    /// @notice Changes where randomness comes from.
    function setSource(IBeacon source_) external restricted {
        _setSource(source_);
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
        value = _beacons[round];
        if (value != 0) return (value, true);
        uint64 base = round > lastTouched ? lastTouched : round;
        while (_beacons[base] == 0) --base; // ends at round 0 at the latest
        return (keccak256(abi.encode(_beacons[base], round)), false);
    }

    /// @notice Everything a follower asks about the present round.
    function current() external view returns (uint64 round, uint64 start, uint64 end, bytes32 value, bool recorded) {
        round = currentRound();
        start = roundStart(round);
        end = start + roundLength;
        (value, recorded) = beacon(round);
    }

    /// @notice How much is made.
    function emission() external view returns (Emission memory) {
        return _emission;
    }

    /// A source that fails must not stop the clock: the beacon then derives from the one before alone.
    function _record(uint64 round) private returns (bytes32 value) {
        bytes32 fresh;
        try source.entropy(round) returns (bytes32 entropy) {
            fresh = entropy;
        } catch {}
        value = keccak256(abi.encode(_beacons[lastTouched], round, fresh));
        _beacons[round] = value;
        lastTouched = round;
    }

    /// Moves inflation by `count` rounds; what is made for them, and the treasury's part of it. Each of the rounds is made for at
    /// its own inflation, by the stake that is in the set now, which none can have joined since, and of the supply that there is
    /// now: what the first of them would have added to it for the later ones is left out.
    function _due(uint64 count) private returns (uint256 amount, uint256 toTreasury) {
        Emission storage e = _emission;
        uint256 staked = 0;
        try staking.totalActiveStake() returns (uint256 active) {
            staked = active;
        } catch {}
        uint256 supply = token.totalSupply();
        uint256 target = Math.mulDiv(supply, e.targetBonding, PPM);
        uint256 rate;
        (e.inflation, rate) = _inflate(e, count, staked, target);
        if (staked == 0) return (0, 0);
        amount = Math.min(Math.mulDiv(supply, rate, PPB), token.cap() - supply);
        toTreasury = Math.mulDiv(amount, e.treasuryCut, PPM);
    }

    /// Inflation after `count` rounds, and its sum over them: it moves by `change` each round, as far as its limit.
    function _inflate(Emission storage e, uint256 count, uint256 staked, uint256 target)
        private
        view
        returns (uint32 last, uint256 sum)
    {
        (uint256 first, uint256 change, uint256 limit) = (e.inflation, e.change, staked < target ? e.maxInflation : 0);
        if (change == 0 || staked == target) return (uint32(first), first * count);
        bool rises = staked < target;
        // So many rounds move a whole step; of those after them each is at the limit.
        uint256 steps = Math.min(count, (rises ? limit - first : first) / change);
        uint256 moved = (change * steps * (steps + 1)) / 2;
        sum = (rises ? first * steps + moved : first * steps - moved) + limit * (count - steps);
        if (steps < count) return (uint32(limit), sum);
        last = uint32(rises ? first + change * steps : first - change * steps);
    }

    function _setEmission(Emission calldata e) private {
        bool parts =
            e.inflation <= e.maxInflation && e.maxInflation <= PPB && e.targetBonding <= PPM && e.treasuryCut <= PPM;
        if (!parts || (e.treasuryCut != 0 && e.treasury == address(0))) revert InvalidEmission();
        _emission = e;
        emit EmissionSet(e.inflation, e.change, e.maxInflation, e.targetBonding, e.treasuryCut, e.treasury);
    }

    function _setSource(IBeacon source_) private {
        source = source_;
        emit SourceSet(source_);
    }

    function _authorizeUpgrade(address) internal override restricted {}
}
