// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {CastToken} from "../CastToken.sol";
import {IRounds} from "../interfaces/IRounds.sol";

/// @notice What an owner states about its orchestrator.
struct Registration {
    address operator; // the hot key; signs on the wire, owns nothing
    uint32 rewardCut; // ppm of emission that the owner takes before the shares
    uint32 feeShare; // ppm of fees that go to the shares; the rest is the owner's
    string serviceURI; // where it is reached
    uint256 capabilities; // a bit for each thing it can do; the bits' meaning is the network's, not the contract's
}

/// @notice The constants of a deployment of Staking. A new implementation may bring others, through the timelock.
struct StakingParameters {
    uint96 minSelfStake; // CAST that an owner must hold in its own pool to be active
    uint64 unbondingPeriod; // seconds
    uint16 maxActive; // size of the active set
    uint32 maxSlash; // ppm that a holder loses by one slash at most
}

/// @notice One orchestrator as a client lists it.
struct Listing {
    address id;
    address operator;
    uint256 stake;
    uint256 weight; // stakeAt the present round
    uint256 selfStake;
    uint256 commission; // CAST of the owner's cut that was not claimed
    uint32 rewardCut;
    uint32 feeShare;
    uint32 nextRewardCut; // in force from cutsAt on
    uint32 nextFeeShare;
    uint64 cutsAt; // 0 = no change was announced
    bool active;
    uint64 activeFrom; // first round that counts
    uint64 jailedUntil; // first round in which it may join again
    uint256 capabilities;
    string serviceURI;
}

/// @notice Stake on its way out of a pool.
struct Unbonding {
    address orchestrator;
    uint64 releaseAt;
    uint256 amount; // what it would pay now; zero once withdrawn or bonded again
}

/// @title StakingState
/// @notice Storage, events and refusals of Staking. All state is declared here, so that its layout is in one place.
abstract contract StakingState {
    using Checkpoints for Checkpoints.Trace208;

    /// The first two slots are all that `reward` writes in a pool.
    struct Pool {
        uint96 stake; // CAST, with all emission that was settled
        uint96 shares;
        uint16 place; // index in the active set + 1; 0 = not in it
        uint32 checkpoints;
        bool registered;
        //
        uint128 emissionMark; // clock.emissionPerStake when it was settled last
        uint96 commission; // CAST of the owner's cut, not claimed yet
        uint24 rewardCut;
        bool cutsAnnounced;
        //
        uint160 feePerShare; // wei ever, × 2^96
        uint96 ownerFees; // the owner's part, not claimed yet
        //
        uint24 feeShare;
        uint24 nextRewardCut;
        uint24 nextFeeShare;
        uint64 cutsAt; // seconds since the epoch
        uint64 jailedUntil; // round
        //
        Exit[2] exits; // of delegators; of the owner
        mapping(uint256 index => Checkpoint) history;
        Checkpoints.Trace208 operators; // by the round from which they hold
        Checkpoints.Trace208 survival; // by time: the part of delegated stake that slashes left, × FULL
        uint256 capabilities;
        string serviceURI;
    }

    /// A pool's stake from a round on. Their number is in the pool's first slot, which saves a bond the array's length.
    struct Checkpoint {
        uint32 from;
        uint96 stake;
    }

    /// One place of the active set.
    struct Member {
        address orchestrator;
        uint64 activeFrom; // first round that counts
    }

    /// Stake on its way out of a pool: it earns nothing, and is slashed like the rest.
    struct Exit {
        uint128 stake;
        uint128 shares;
    }

    /// A position's fees since its mark are shares × (feePerShare − mark).
    struct Position {
        uint96 shares;
        uint160 mark;
        uint256 fees; // set aside when shares were given up
    }

    /// One unbonding.
    struct Lock {
        address orchestrator;
        uint64 releaseAt;
        uint128 shares; // of the exit
    }

    /// Stake that came out of another pool, and answers for it until `until`.
    struct Move {
        address from;
        uint96 amount;
        uint96 survival; // of `from`: slashes up to it are settled
        uint48 until; // 0 = none
    }

    /// A hot key's owner.
    struct Key {
        address orchestrator;
        bool consented;
    }

    /// Emission up to a round, and what it is divided by.
    struct Clock {
        uint128 emissionPerStake; // CAST ever, × 2^64
        uint96 activeStake;
        uint32 round;
    }

    /// @notice A whole, in the unit of cuts and shares.
    uint32 public constant PPM = 1_000_000;
    /// @notice Bytes that a service URI may have.
    uint256 public constant MAX_URI_LENGTH = 256;

    /// A whole, in the unit of `survival`.
    uint256 internal constant FULL = 1e27;
    uint256 internal constant OWNER = 1;
    uint256 internal constant DELEGATORS = 0;

    /// @notice CAST.
    CastToken public immutable token;
    /// @notice The clock and mint.
    IRounds public immutable rounds;
    /// @notice Seconds since the epoch at which round 0 began.
    uint64 public immutable genesis;
    /// @notice Seconds that a round lasts.
    uint64 public immutable roundLength;
    /// @notice CAST that an owner must hold in its own pool to be active.
    uint256 public immutable minSelfStake;
    /// @notice Seconds that stake stays slashable after it left a pool.
    uint64 public immutable unbondingPeriod;
    /// @notice Size limit of the active set.
    uint256 public immutable maxActive;
    /// @notice Ppm that a holder loses by one slash at most.
    uint256 public immutable maxSlash;

    Clock internal _clock;
    Member[] internal _active;
    mapping(address orchestrator => Pool) internal _pools;
    mapping(address orchestrator => mapping(address delegator => Position)) internal _positions;
    mapping(address orchestrator => mapping(address delegator => Move)) internal _moves;
    mapping(address delegator => uint256) internal _lockCount;
    mapping(address delegator => mapping(uint256 id => Lock)) internal _locks;
    mapping(address operator => Key) internal _keys;

    /// @notice `orchestrator` entered the registry.
    event Registered(address indexed orchestrator);
    /// @notice `operator` signs for `orchestrator` from `fromRound` on; `consented`: the key itself said so.
    event OperatorSet(address indexed orchestrator, address indexed operator, uint64 fromRound, bool consented);
    /// @notice `orchestrator` is reached at `serviceURI`.
    event ServiceURISet(address indexed orchestrator, string serviceURI);
    /// @notice `orchestrator` says what it can do.
    event CapabilitiesSet(address indexed orchestrator, uint256 capabilities);
    /// @notice From `effectiveAt` on `orchestrator` keeps `rewardCut` ppm of emission and shares `feeShare` ppm of fees.
    event CutsAnnounced(address indexed orchestrator, uint32 rewardCut, uint32 feeShare, uint64 effectiveAt);
    /// @notice The announced cuts of `orchestrator` are in force.
    event CutsSet(address indexed orchestrator, uint32 rewardCut, uint32 feeShare);
    /// @notice `orchestrator` is in the active set and counts from `activeFrom` on.
    event Joined(address indexed orchestrator, uint64 activeFrom);
    /// @notice `orchestrator` is no longer in the active set.
    event Left(address indexed orchestrator);

    /// @notice `delegator` put `amount` CAST behind `orchestrator` for `shares`.
    event Bonded(address indexed orchestrator, address indexed delegator, uint256 amount, uint256 shares);
    /// @notice `shares` were given up for `amount` CAST, which the delegator may withdraw under `id` from `releaseAt` on, if no
    /// slash comes in between: until then it is `exitShares` of what is on its way out.
    event Unbonded(
        address indexed orchestrator,
        address indexed delegator,
        uint256 id,
        uint256 amount,
        uint256 shares,
        uint256 exitShares,
        uint64 releaseAt
    );
    /// @notice `delegator` put what was left of unbonding `id`, `amount` CAST, back for `shares`.
    event Rebonded(address indexed orchestrator, address indexed delegator, uint256 id, uint256 amount, uint256 shares);
    /// @notice `delegator` took what was left of unbonding `id` home.
    event Withdrawn(address indexed orchestrator, address indexed delegator, uint256 id, uint256 amount);
    /// @notice `delegator` moved `amount` CAST, `sharesFrom` of one pool, for `sharesTo` of another. Until `until` it answers for
    /// what the first did.
    event Moved(
        address indexed from,
        address indexed to,
        address indexed delegator,
        uint256 amount,
        uint256 sharesFrom,
        uint256 sharesTo,
        uint64 until
    );
    /// @notice Of what `delegator` had moved to `orchestrator` a slash of its former pool took `amount` CAST, burnt, for `shares`;
    /// `liable` goes on answering for it.
    event MoveSettled(
        address indexed orchestrator, address indexed delegator, uint256 amount, uint256 shares, uint256 liable
    );

    /// @notice The books have `amount` CAST of emission, up to and including `round`.
    event EmissionCollected(uint64 indexed round, uint256 amount);
    /// @notice The pool of `orchestrator` took `amount` of the emission up to the present round; of it `cut` is the owner's.
    event Rewarded(address indexed orchestrator, uint256 amount, uint256 cut);
    /// @notice The stake of `orchestrator` was written down for the next round.
    event Checkpointed(address indexed orchestrator, uint256 stake);
    /// @notice The owner took its cuts of emission.
    event CommissionClaimed(address indexed orchestrator, address to, uint256 amount);
    /// @notice Fees arrived for `orchestrator`; `shared` of them went to the shares, the rest to the owner.
    event FeesDeposited(address indexed orchestrator, uint256 amount, uint256 shared);
    /// @notice `delegator` was paid its fees from the pool of `orchestrator`.
    event FeesClaimed(address indexed orchestrator, address indexed delegator, address to, uint256 amount);

    /// @notice A slash took `own` CAST of the owner's stake for `ownShares`, `ownExit` of what the owner was taking out,
    /// `pool` of the stake of all who were left, and `exit` of what they were taking out. `survival` is what slashes ever left
    /// of delegated stake, in parts of 10^27.
    event Slashed(
        address indexed orchestrator,
        uint256 own,
        uint256 ownShares,
        uint256 ownExit,
        uint256 pool,
        uint256 exit,
        uint256 survival
    );
    /// @notice `orchestrator` may not join the active set before `untilRound`.
    event Jailed(address indexed orchestrator, uint64 untilRound);

    /// @notice A constant of the deployment makes no sense.
    error InvalidParameters();
    /// @notice `orchestrator` is in the registry already.
    error AlreadyRegistered(address orchestrator);
    /// @notice `orchestrator` is not in the registry.
    error NotRegistered(address orchestrator);
    /// @notice `operator` is zero, the owner itself, or taken by another orchestrator.
    error InvalidOperator(address operator);
    /// @notice The consent was signed by `signer`, not by the key that is to be registered.
    error InvalidConsent(address signer, address operator);
    /// @notice The service URI is empty or longer than MAX_URI_LENGTH.
    error InvalidServiceURI(uint256 length);
    /// @notice Cuts are parts per million.
    error InvalidCut(uint32 ppm);
    /// @notice The owner's own stake is below the minimum for the active set.
    error SelfStakeTooLow(uint256 selfStake, uint256 required);
    /// @notice `orchestrator` is in the active set already.
    error AlreadyActive(address orchestrator);
    /// @notice `orchestrator` is not in the active set.
    error NotActive(address orchestrator);
    /// @notice `orchestrator` is jailed until `untilRound` begins.
    error InJail(address orchestrator, uint64 untilRound);
    /// @notice The active set is full and `victim` is not a member with less stake.
    error SetFull(address victim);

    /// @notice The amount is zero, or too small to be a share.
    error ZeroAmount();
    /// @notice The pool's shares can't be counted any more, after slashes, or are too dear to be sold; bond elsewhere.
    error PoolWornOut();
    /// @notice `asked` CAST, but the position has `available` that may leave.
    error InsufficientStake(uint256 asked, uint256 available);
    /// @notice Unbonding `id` is unknown, gone, or locked until `releaseAt`.
    error NotReleased(uint256 id, uint64 releaseAt);
    /// @notice Stake moves from one pool to another.
    error SamePool();
    /// @notice An owner's stake in its own pool is what it answers with: it is bonded and unbonded, not moved.
    error OwnerCannotMove();
    /// @notice Stake that moved to `orchestrator` answers for its former pool until `until`; one move at a time.
    error MoveRunning(address orchestrator, uint64 until);

    /// @notice The emission up to `round` was taken already.
    error AlreadyRewarded(uint64 round);

    constructor(CastToken token_, IRounds rounds_, StakingParameters memory p) {
        bool sound = p.minSelfStake >= 1e12 && p.unbondingPeriod != 0 && p.maxActive != 0 && p.maxSlash <= PPM / 2;
        if (!sound) revert InvalidParameters();
        token = token_;
        rounds = rounds_;
        genesis = rounds_.genesis();
        roundLength = rounds_.roundLength();
        minSelfStake = p.minSelfStake;
        unbondingPeriod = p.unbondingPeriod;
        maxActive = p.maxActive;
        maxSlash = p.maxSlash;
    }

    function _currentRound() internal view returns (uint64) {
        unchecked {
            return uint64((block.timestamp - genesis) / roundLength);
        }
    }

    /// The round from which a change of now holds. Round 0 has no past that it could stand still for.
    function _nextRound() internal view returns (uint64 round) {
        round = _currentRound();
        unchecked {
            if (round != 0) ++round;
        }
    }

    /// Fees since the position's mark.
    function _unclaimed(Pool storage pool, Position storage position) internal view returns (uint256) {
        return Math.mulDiv(position.shares, pool.feePerShare - position.mark, 1 << 96);
    }

    function _exit(address orchestrator, Pool storage pool, address delegator) internal view returns (Exit storage) {
        return pool.exits[delegator == orchestrator ? OWNER : DELEGATORS];
    }

    /// What slashes ever left of delegated stake, in parts of FULL.
    function _survival(Pool storage pool) internal view returns (uint256) {
        uint256 survival = pool.survival.latest();
        return survival == 0 ? FULL : survival;
    }

    /// What a pool's stake and its owner's commission will be once the emission that came in is settled.
    function _pending(Pool storage pool) internal view returns (uint256 shared, uint256 cut) {
        if (pool.place == 0) return (0, 0);
        uint256 amount = Math.mulDiv(pool.stake, _clock.emissionPerStake - pool.emissionMark, 1 << 64);
        cut = (amount * pool.rewardCut) / PPM;
        shared = amount - cut;
    }
}
