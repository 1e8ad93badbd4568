// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IStaking} from "./interfaces/IStaking.sol";

/// @title Staking
/// @notice The registry of orchestrators, the stake behind them, and the split of what they earn.
///
/// An orchestrator is its owner's address. Its pool holds CAST from the owner and from delegators as shares: emission raises
/// what a share is worth, fees raise a cumulative fee per share. The active set, those who may work and whose tickets a
/// sender's reserve secures, is a packed array; who finds it full names a member with less stake and takes its place.
///
/// Rounding is against whoever asks: shares are minted rounded down and burnt rounded up.
contract Staking is IStaking {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Checkpoints for Checkpoints.Trace160;

    /// @notice What an owner states about its orchestrator.
    struct Registration {
        address operator; // the hot key; signs on the wire, owns nothing
        uint32 rewardCut; // ppm of emission that the owner takes before the shares
        uint32 feeShare; // ppm of fees that go to the shares; the rest is the owner's
        string serviceURI; // where it is reached
    }

    /// @notice The constants of a deployment.
    struct Parameters {
        uint256 minSelfStake; // CAST that an owner must hold in its own pool to be active
        uint64 unbondingPeriod; // seconds
        uint16 maxActive; // size of the active set
    }

    /// @notice One orchestrator as a client lists it.
    struct Listing {
        address id;
        address operator;
        uint256 stake;
        uint256 selfStake;
        uint32 rewardCut;
        uint32 feeShare;
        bool active;
        uint64 activeFrom;
        string serviceURI;
    }

    /// @notice Stake on its way out of a pool.
    struct Unbonding {
        address orchestrator;
        uint64 releaseAt;
        uint128 amount; // zero once withdrawn
    }

    struct Pool {
        uint128 stake;
        uint128 shares;
        uint128 feesReceived; // ever
        uint128 ownerFees; // the owner's cut, not claimed yet
        uint256 feePerShare; // cumulative, × FEE_SCALE
        uint128 feesPaid; // ever, to anybody
        uint32 rewardCut;
        uint32 feeShare;
        uint16 slot; // index in the active set + 1; 0 = not in it
        uint64 activeFrom; // first round that counts, while in the set
        uint64 nextReward; // first round whose emission was not taken
        Checkpoints.Trace160 operators; // by the round from which they hold
        string serviceURI;
    }

    struct Position {
        uint128 shares;
        uint128 fees; // settled, not claimed
        uint256 feePerShare; // of the pool, when it was settled last
    }

    /// @notice A whole, in the unit of cuts and shares.
    uint32 public constant PPM = 1_000_000;
    /// @notice Bytes that a service URI may have.
    uint256 public constant MAX_URI_LENGTH = 256;

    uint256 private constant FEE_SCALE = 1e36;
    uint256 private constant ADDRESS_BITS = 160;

    /// @notice CAST.
    IERC20 public immutable token;
    /// @notice The clock and mint.
    IRounds public immutable rounds;
    /// @notice CAST that an owner must hold in its own pool to be active.
    uint256 public immutable minSelfStake;
    /// @notice Seconds between unbond and withdraw.
    uint64 public immutable unbondingPeriod;
    /// @notice Size limit of the active set.
    uint16 public immutable maxActive;

    /// @notice CAST behind the active set.
    uint256 public totalActiveStake;
    /// @notice Whose operator a key is or was; a key serves one orchestrator for ever.
    mapping(address operator => address orchestrator) public orchestratorOf;

    uint256[] private _active; // stake << 160 | orchestrator
    mapping(address orchestrator => Pool) private _pools;
    mapping(address orchestrator => mapping(address delegator => Position)) private _positions;
    mapping(address delegator => Unbonding[]) private _unbondings;

    /// @notice `orchestrator` entered the registry.
    event Registered(address indexed orchestrator);
    /// @notice `operator` signs for `orchestrator` from `fromRound` on.
    event OperatorSet(address indexed orchestrator, address indexed operator, uint64 fromRound);
    /// @notice `orchestrator` is reached at `serviceURI`.
    event ServiceURISet(address indexed orchestrator, string serviceURI);
    /// @notice `orchestrator` keeps `rewardCut` ppm of emission and shares `feeShare` ppm of fees.
    event CutsSet(address indexed orchestrator, uint32 rewardCut, uint32 feeShare);
    /// @notice `delegator` put `amount` CAST behind `orchestrator` for `shares`.
    event Bonded(address indexed orchestrator, address indexed delegator, uint256 amount, uint256 shares);
    /// @notice `amount` CAST leaves the pool; the delegator may withdraw it under `id` at `releaseAt`.
    event Unbonded(
        address indexed orchestrator,
        address indexed delegator,
        uint256 id,
        uint256 amount,
        uint256 shares,
        uint64 releaseAt
    );
    /// @notice `delegator` took the stake of unbonding `id` home.
    event Withdrawn(address indexed delegator, uint256 id, uint256 amount);
    /// @notice `orchestrator` is in the active set and counts from `activeFrom` on.
    event Joined(address indexed orchestrator, uint64 activeFrom);
    /// @notice `orchestrator` is no longer in the active set.
    event Left(address indexed orchestrator);
    /// @notice The emission of `round` for `orchestrator`; of it `cut` became `cutShares` shares of the owner.
    event Rewarded(address indexed orchestrator, uint64 indexed round, uint256 amount, uint256 cut, uint256 cutShares);
    /// @notice Fees arrived for `orchestrator`; `shared` of them went to the shares, the rest to the owner.
    event FeesDeposited(address indexed orchestrator, uint256 amount, uint256 shared);
    /// @notice `delegator` was paid its fees from the pool of `orchestrator`.
    event FeesClaimed(address indexed orchestrator, address indexed delegator, address to, uint256 amount);

    /// @notice A constant of the deployment makes no sense.
    error InvalidParameters();
    /// @notice `orchestrator` is in the registry already.
    error AlreadyRegistered(address orchestrator);
    /// @notice `orchestrator` is not in the registry.
    error NotRegistered(address orchestrator);
    /// @notice `operator` is zero, the owner itself, or taken by another orchestrator.
    error InvalidOperator(address operator);
    /// @notice The service URI is empty or longer than MAX_URI_LENGTH.
    error InvalidServiceURI(uint256 length);
    /// @notice Cuts are parts per million.
    error InvalidCut(uint32 ppm);
    /// @notice The amount is zero, or too small to be a share.
    error ZeroAmount();
    /// @notice `asked` CAST, but the position is worth `available`.
    error InsufficientStake(uint256 asked, uint256 available);
    /// @notice Unbonding `id` is unknown, withdrawn, or locked until `releaseAt`.
    error NotReleased(uint256 id, uint64 releaseAt);
    /// @notice The owner's own stake is below the minimum for the active set.
    error SelfStakeTooLow(uint256 selfStake, uint256 required);
    /// @notice `orchestrator` is in the active set already.
    error AlreadyActive(address orchestrator);
    /// @notice `orchestrator` is not in the active set, or did not count yet in this round.
    error NotActive(address orchestrator);
    /// @notice The active set is full and `victim` is not a member with less stake.
    error SetFull(address victim);
    /// @notice The emission of `round` was taken already.
    error AlreadyRewarded(uint64 round);

    /// @param token_ CAST
    /// @param rounds_ the Rounds contract
    /// @param p the constants
    constructor(IERC20 token_, IRounds rounds_, Parameters memory p) {
        if (p.minSelfStake == 0 || p.maxActive == 0) revert InvalidParameters();
        token = token_;
        rounds = rounds_;
        minSelfStake = p.minSelfStake;
        unbondingPeriod = p.unbondingPeriod;
        maxActive = p.maxActive;
    }

    // ---------------------------------------------------------------- registry

    /// @notice Enters the caller as an orchestrator and bonds `stake` of its CAST; joins the active set if there is room.
    function register(Registration calldata r, uint256 stake) external {
        Pool storage pool = _pools[msg.sender];
        if (pool.operators.length() != 0) revert AlreadyRegistered(msg.sender);
        emit Registered(msg.sender);
        _setOperator(pool, r.operator, rounds.currentRound());
        _setServiceURI(pool, r.serviceURI);
        _setCuts(pool, r.rewardCut, r.feeShare);
        if (stake != 0) delegate(msg.sender, stake);
    }

    /// @notice Changes the caller's operator key from the next round on.
    function setOperator(address operator) external {
        _setOperator(_registered(msg.sender), operator, rounds.currentRound() + 1);
    }

    /// @notice Changes where the caller's orchestrator is reached.
    function setServiceURI(string calldata serviceURI) external {
        _setServiceURI(_registered(msg.sender), serviceURI);
    }

    /// @notice Changes the caller's cuts.
    function setCuts(uint32 rewardCut, uint32 feeShare) external {
        _setCuts(_registered(msg.sender), rewardCut, feeShare);
    }

    /// @notice Puts the caller into the active set: into a free place, or the place of `victim`, who has less stake.
    function join(address victim) external {
        Pool storage pool = _registered(msg.sender);
        if (pool.slot != 0) revert AlreadyActive(msg.sender);
        uint256 self = _selfStake(msg.sender, pool);
        if (self < minSelfStake) revert SelfStakeTooLow(self, minSelfStake);
        if (_active.length == maxActive) {
            Pool storage loser = _pools[victim];
            if (loser.slot == 0 || loser.stake >= pool.stake) revert SetFull(victim);
            _leave(victim, loser);
        }
        _join(msg.sender, pool);
    }

    // ---------------------------------------------------------------- stake

    /// @notice Puts `amount` of the caller's CAST behind `orchestrator`; an owner calls it for itself. An owner with enough
    /// stake of its own joins the active set with it if there is room.
    function delegate(address orchestrator, uint256 amount) public {
        Pool storage pool = _registered(orchestrator);
        Position storage position = _settle(orchestrator, pool, msg.sender);
        uint256 shares = pool.shares == 0 ? amount : Math.mulDiv(amount, pool.shares, pool.stake);
        if (shares == 0) revert ZeroAmount();

        pool.stake += amount.toUint128();
        pool.shares += shares.toUint128();
        position.shares += uint128(shares);
        emit Bonded(orchestrator, msg.sender, amount, shares);
        if (pool.slot != 0) {
            _restake(orchestrator, pool);
        } else if (
            msg.sender == orchestrator && _active.length < maxActive && _selfStake(orchestrator, pool) >= minSelfStake
        ) {
            _join(orchestrator, pool);
        }
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Begins to take `amount` CAST out of a pool (type(uint256).max: all of it). An owner whose own stake falls below
    /// the minimum leaves the active set.
    function unbond(address orchestrator, uint256 amount) external returns (uint256 id) {
        Pool storage pool = _pools[orchestrator];
        Position storage position = _settle(orchestrator, pool, msg.sender);
        uint256 shares = position.shares;
        if (shares == 0 || amount == 0) revert ZeroAmount();
        uint256 worth = Math.mulDiv(shares, pool.stake, pool.shares);
        if (amount == type(uint256).max) {
            amount = worth;
        } else {
            if (amount > worth) revert InsufficientStake(amount, worth);
            shares = Math.mulDiv(amount, pool.shares, pool.stake, Math.Rounding.Ceil);
        }

        pool.stake -= uint128(amount);
        pool.shares -= uint128(shares);
        position.shares -= uint128(shares);
        uint64 releaseAt = uint64(block.timestamp) + unbondingPeriod;
        id = _unbondings[msg.sender].length;
        _unbondings[msg.sender].push(Unbonding(orchestrator, releaseAt, uint128(amount)));
        emit Unbonded(orchestrator, msg.sender, id, amount, shares, releaseAt);
        if (pool.slot == 0) return id;
        if (_selfStake(orchestrator, pool) < minSelfStake) {
            _leave(orchestrator, pool);
        } else {
            _restake(orchestrator, pool);
        }
    }

    /// @notice Pays the caller's unbonding `id` out, once its time has come.
    function withdraw(uint256 id) external {
        Unbonding storage unbonding = _unbondings[msg.sender][id];
        uint256 amount = unbonding.amount;
        if (amount == 0 || block.timestamp < unbonding.releaseAt) revert NotReleased(id, unbonding.releaseAt);
        unbonding.amount = 0;
        emit Withdrawn(msg.sender, id, amount);
        token.safeTransfer(msg.sender, amount);
    }

    // ---------------------------------------------------------------- earnings

    /// @notice Mints the share of an active orchestrator in the present round's emission. Anyone may call it, once per round.
    function reward(address orchestrator) external {
        Pool storage pool = _registered(orchestrator);
        uint64 round = rounds.touch();
        if (!isEligible(orchestrator, round)) revert NotActive(orchestrator);
        if (pool.nextReward > round) revert AlreadyRewarded(round);
        pool.nextReward = round + 1;

        uint256 amount = rounds.mintReward(pool.stake, totalActiveStake);
        uint256 cut = Math.mulDiv(amount, pool.rewardCut, PPM);
        pool.stake += (amount - cut).toUint128();
        Position storage owner = _settle(orchestrator, pool, orchestrator);
        uint128 cutShares = Math.mulDiv(cut, pool.shares, pool.stake).toUint128();
        pool.stake += uint128(cut);
        pool.shares += cutShares;
        owner.shares += cutShares;
        emit Rewarded(orchestrator, round, amount, cut, cutShares);
        _restake(orchestrator, pool);
    }

    /// @inheritdoc IStaking
    /// @dev Never reverts for a well-meant payment: who is not registered, or has no shares, owns all of it.
    function depositFees(address orchestrator) external payable {
        Pool storage pool = _pools[orchestrator];
        uint256 shares = pool.shares;
        uint256 shared = shares == 0 ? 0 : Math.mulDiv(msg.value, pool.feeShare, PPM);
        pool.feesReceived += uint128(msg.value); // all the ether there is fits into 128 bits
        pool.ownerFees += uint128(msg.value - shared);
        if (shared != 0) pool.feePerShare += Math.mulDiv(shared, FEE_SCALE, shares);
        emit FeesDeposited(orchestrator, msg.value, shared);
    }

    /// @notice Pays the caller's fees from the pool of `orchestrator` to `to`; an owner's include its cut.
    function claimFees(address orchestrator, address payable to) external returns (uint256 amount) {
        Pool storage pool = _pools[orchestrator];
        Position storage position = _settle(orchestrator, pool, msg.sender);
        amount = position.fees;
        position.fees = 0;
        if (msg.sender == orchestrator) {
            amount += pool.ownerFees;
            pool.ownerFees = 0;
        }
        pool.feesPaid += uint128(amount);
        emit FeesClaimed(orchestrator, msg.sender, to, amount);
        Address.sendValue(to, amount);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IStaking
    function activeCount() external view returns (uint256) {
        return _active.length;
    }

    /// @inheritdoc IStaking
    function isEligible(address orchestrator, uint64 round) public view returns (bool) {
        Pool storage pool = _pools[orchestrator];
        return pool.slot != 0 && pool.activeFrom <= round;
    }

    /// @notice The packed active set: stake << 160 | orchestrator.
    function activeSet() external view returns (uint256[] memory) {
        return _active;
    }

    /// @notice Up to `limit` members of the active set from index `offset` on.
    function orchestrators(uint256 offset, uint256 limit) external view returns (Listing[] memory list) {
        uint256 end = Math.min(_active.length, Math.saturatingAdd(offset, limit));
        if (offset >= end) return list;
        list = new Listing[](end - offset);
        for (uint256 i = offset; i < end; ++i) {
            list[i - offset] = orchestratorInfo(address(uint160(_active[i])));
        }
    }

    /// @notice One entry of the registry; its operator is zero if nobody registered under `id`.
    function orchestratorInfo(address id) public view returns (Listing memory) {
        Pool storage pool = _pools[id];
        return Listing({
            id: id,
            operator: operatorAt(id, rounds.currentRound()),
            stake: pool.stake,
            selfStake: _selfStake(id, pool),
            rewardCut: pool.rewardCut,
            feeShare: pool.feeShare,
            active: pool.slot != 0,
            activeFrom: pool.activeFrom,
            serviceURI: pool.serviceURI
        });
    }

    /// @notice The key that signs for `orchestrator` in `round`.
    function operatorAt(address orchestrator, uint64 round) public view returns (address) {
        return address(_pools[orchestrator].operators.upperLookupRecent(round));
    }

    /// @notice Shares and fees of a pool: `received` ever, `paid` ever.
    function poolInfo(address orchestrator) external view returns (uint256 shares, uint256 received, uint256 paid) {
        Pool storage pool = _pools[orchestrator];
        return (pool.shares, pool.feesReceived, pool.feesPaid);
    }

    /// @notice What the position of `delegator` is worth, its shares, and the fees that it may claim.
    function positionInfo(address orchestrator, address delegator)
        external
        view
        returns (uint256 stake, uint256 shares, uint256 fees)
    {
        Pool storage pool = _pools[orchestrator];
        Position storage position = _positions[orchestrator][delegator];
        shares = position.shares;
        stake = shares == 0 ? 0 : Math.mulDiv(shares, pool.stake, pool.shares);
        fees = position.fees + _unsettled(pool, position);
        if (delegator == orchestrator) fees += pool.ownerFees;
    }

    /// @notice All unbondings of `delegator`, by id; those with amount 0 were withdrawn.
    function unbondings(address delegator) external view returns (Unbonding[] memory) {
        return _unbondings[delegator];
    }

    // ---------------------------------------------------------------- insides

    function _registered(address orchestrator) private view returns (Pool storage pool) {
        pool = _pools[orchestrator];
        if (pool.operators.length() == 0) revert NotRegistered(orchestrator);
    }

    function _setOperator(Pool storage pool, address operator, uint64 fromRound) private {
        address taken = orchestratorOf[operator];
        if (operator == address(0) || operator == msg.sender || (taken != address(0) && taken != msg.sender)) {
            revert InvalidOperator(operator);
        }
        orchestratorOf[operator] = msg.sender;
        pool.operators.push(fromRound, uint160(operator));
        emit OperatorSet(msg.sender, operator, fromRound);
    }

    function _setServiceURI(Pool storage pool, string calldata serviceURI) private {
        uint256 length = bytes(serviceURI).length;
        if (length == 0 || length > MAX_URI_LENGTH) revert InvalidServiceURI(length);
        pool.serviceURI = serviceURI;
        emit ServiceURISet(msg.sender, serviceURI);
    }

    function _setCuts(Pool storage pool, uint32 rewardCut, uint32 feeShare) private {
        if (rewardCut > PPM) revert InvalidCut(rewardCut);
        if (feeShare > PPM) revert InvalidCut(feeShare);
        pool.rewardCut = rewardCut;
        pool.feeShare = feeShare;
        emit CutsSet(msg.sender, rewardCut, feeShare);
    }

    /// Brings the fees of a position up to date; everything that changes its shares comes through here first.
    function _settle(address orchestrator, Pool storage pool, address delegator)
        private
        returns (Position storage position)
    {
        position = _positions[orchestrator][delegator];
        uint256 fees = _unsettled(pool, position);
        if (fees != 0) position.fees += uint128(fees);
        if (position.feePerShare != pool.feePerShare) position.feePerShare = pool.feePerShare;
    }

    function _unsettled(Pool storage pool, Position storage position) private view returns (uint256) {
        return Math.mulDiv(position.shares, pool.feePerShare - position.feePerShare, FEE_SCALE);
    }

    function _selfStake(address orchestrator, Pool storage pool) private view returns (uint256) {
        uint256 shares = _positions[orchestrator][orchestrator].shares;
        return shares == 0 ? 0 : Math.mulDiv(shares, pool.stake, pool.shares);
    }

    function _join(address orchestrator, Pool storage pool) private {
        uint64 round = rounds.currentRound();
        uint64 activeFrom = round == 0 ? 0 : round + 1;
        _active.push(_pack(orchestrator, pool.stake));
        pool.slot = uint16(_active.length);
        pool.activeFrom = activeFrom;
        totalActiveStake += pool.stake;
        emit Joined(orchestrator, activeFrom);
    }

    function _leave(address orchestrator, Pool storage pool) private {
        uint256 index = pool.slot - 1;
        totalActiveStake -= _active[index] >> ADDRESS_BITS;
        uint256 last = _active[_active.length - 1];
        _active[index] = last;
        _pools[address(uint160(last))].slot = uint16(index + 1);
        _active.pop();
        pool.slot = 0;
        emit Left(orchestrator);
    }

    /// Writes the stake of a member into the set.
    function _restake(address orchestrator, Pool storage pool) private {
        uint256 index = pool.slot - 1;
        totalActiveStake = totalActiveStake - (_active[index] >> ADDRESS_BITS) + pool.stake;
        _active[index] = _pack(orchestrator, pool.stake);
    }

    function _pack(address orchestrator, uint256 stake) private pure returns (uint256) {
        return uint256(stake.toUint96()) << ADDRESS_BITS | uint160(orchestrator);
    }
}
