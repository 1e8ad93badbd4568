// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IStaking} from "./interfaces/IStaking.sol";

/// @title Reserves
/// @notice Holds the senders' deposits and reserves, and keeps what of a reserve is promised to whom.
///
/// A promise once made is never lowered while a ticket can rely on it, and the promises of all tickets that can still be redeemed
/// never exceed the reserve:
///
/// - Rounds are counted in periods of `periodRounds`, so long that tickets of at most two periods can be redeemed at a time.
/// - A sender has a budget per period. It begins as half of the reserve, or what the period before left of it if that is less;
///   money added to the reserve raises it at once; claims spend it. Unspent budgets of live periods fit into the reserve.
/// - A budget is shared in one of two ways: by fractions that orchestrators get when they enrol, the same for every sender, at
///   most 1 in all; or by the sender's own allocation, Merkle-sum roots whose sums are the budget.
///
/// See docs/decisions/2026-11-20-reserve-locks.md.
abstract contract Reserves {
    using SafeCast for uint256;

    /// @notice One step of the way from a leaf to an allocation root: the other child.
    struct Sibling {
        bytes32 hash;
        uint96 sum;
    }

    struct Budget {
        uint96 total; // wei promised; never lowered
        uint96 spent; // wei of it that was claimed
        uint32 roots; // of the sender's allocation; 0 = shared by fractions
    }

    struct Claim {
        uint96 spent; // wei
        uint96 allotted; // wei, proved by `allot`
        uint64 roots; // bit i: root i was proved
    }

    struct Sender {
        uint96 deposit;
        uint96 reserve;
        uint64 unlockAt; // 0 = locked
        uint64 period; // the last one whose budget is written down
        mapping(uint64 period => Budget) budgets;
        mapping(uint64 period => mapping(uint256 index => bytes32)) roots; // keccak256(root, sum)
        mapping(uint64 period => mapping(address recipient => Claim)) claims;
    }

    /// @notice The whole of a budget, in the unit of fractions.
    uint256 public constant ONE = 1e18;
    /// @notice Roots that an allocation may have.
    uint32 public constant MAX_ROOTS = 64;

    /// @notice Where fees go; told apart from redemptions, which never call it.
    IStaking public immutable staking;
    /// @notice Seconds since the epoch at which round 0 began. The clock is copied, so that nobody can change it.
    uint64 public immutable genesis;
    /// @notice Seconds that a round lasts.
    uint64 public immutable roundLength;
    /// @notice Seconds after its round's end that a ticket may expire at the latest.
    uint64 public immutable ticketValidity;
    /// @notice Seconds between unlock and withdraw; longer than any ticket lives.
    uint64 public immutable unlockPeriod;
    /// @notice Rounds in a period: as many as it takes that the tickets of one have expired a round before the next one ends.
    uint64 public immutable periodRounds;

    /// @notice What part of every equally shared budget of a period is a recipient's, in parts of ONE.
    mapping(uint64 period => mapping(address recipient => uint256)) public fractionOf;
    /// @notice The sum of the fractions of a period; never more than ONE.
    mapping(uint64 period => uint256) public fractionsGiven;

    mapping(address sender => Sender) private _senders;

    /// @notice The funds of `sender` are now these, and locked.
    event Funded(address indexed sender, uint256 deposit, uint256 reserve);
    /// @notice `sender` may withdraw from `unlockAt` on.
    event Unlocking(address indexed sender, uint64 unlockAt);
    /// @notice `sender` keeps its funds here after all.
    event UnlockCancelled(address indexed sender);
    /// @notice `sender` took its funds home.
    event Withdrawn(address indexed sender, uint256 deposit, uint256 reserve);
    /// @notice `recipient` takes part in equally shared budgets of `period` by `fraction` / ONE.
    event Enrolled(uint64 indexed period, address indexed recipient, uint256 fraction);
    /// @notice The budget of `sender` for `period` is now `total` wei.
    event BudgetSet(address indexed sender, uint64 indexed period, uint256 total);
    /// @notice `sender` allocated `sum` wei more of its reserve for `period` to the leaves under `root`.
    event Allocated(address indexed sender, uint64 indexed period, uint256 index, bytes32 root, uint256 sum);
    /// @notice `recipient` proved its leaf under root `index`: `amount` wei more are promised to it.
    event Allotted(
        address indexed sender, address indexed recipient, uint64 indexed period, uint256 index, uint256 amount
    );

    /// @notice The unlock period must be at least two periods, so that nothing is promised any more when it ends.
    error UnlockPeriodTooShort(uint64 given, uint64 required);
    /// @notice The value sent is not the sum of the parts.
    error ValueMismatch(uint256 sent, uint256 asked);
    /// @notice There is nothing to unlock, withdraw or fund with.
    error NoFunds();
    /// @notice The funds are locked until `unlockAt`; 0: no unlock is running.
    error Locked(uint64 unlockAt);
    /// @notice An unlock is running already.
    error AlreadyUnlocking(uint64 unlockAt);
    /// @notice Enrolments are for rounds from the present one to the end of the next period.
    error NotCurrentRound(uint64 asked, uint64 current);
    /// @notice `recipient` is not in the active set, or was not when `round` began.
    error NotEligible(address recipient, uint64 round);
    /// @notice Only the present period and the next take allocations.
    error NotCurrentPeriod(uint64 asked, uint64 current);
    /// @notice The budget of `period` is shared equally already; allocate the next one.
    error SharedEqually(uint64 period);
    /// @notice The next period is allocated already: unlock once it has begun.
    error AllocatedAhead(uint64 period);
    /// @notice `asked` wei are allocated, `free` wei of the reserve are not promised yet.
    error OverPromised(uint256 asked, uint256 free);
    /// @notice The allocation has MAX_ROOTS roots.
    error TooManyRoots();
    /// @notice The leaf is not under root `index`.
    error InvalidProof(uint256 index);
    /// @notice The recipient's leaf under root `index` was counted already.
    error AlreadyAllotted(uint256 index);

    /// @param staking_ the Staking contract
    /// @param rounds the clock, whose genesis and round length are copied
    /// @param ticketValidity_ seconds after its round's end that a ticket may live
    /// @param unlockPeriod_ seconds between unlock and withdraw
    constructor(IStaking staking_, IRounds rounds, uint64 ticketValidity_, uint64 unlockPeriod_) {
        staking = staking_;
        genesis = rounds.genesis();
        roundLength = rounds.roundLength();
        ticketValidity = ticketValidity_;
        unlockPeriod = unlockPeriod_;
        periodRounds = Math.ceilDiv(ticketValidity_, roundLength).toUint64() + 1;
        uint64 required = 2 * periodRounds * roundLength;
        if (unlockPeriod_ < required) revert UnlockPeriodTooShort(unlockPeriod_, required);
    }

    // ---------------------------------------------------------------- senders

    /// @notice Adds the value sent to the caller's deposit.
    function fundDeposit() external payable {
        _fund(msg.value, 0);
    }

    /// @notice Adds the value sent to the caller's reserve. Half of it backs the present period at once (the sender's own
    /// allocation, where there is one, stays as it is), half the next.
    function fundReserve() external payable {
        _fund(0, msg.value);
    }

    /// @notice Adds to both; the value sent must be their sum.
    function fund(uint256 deposit, uint256 reserve) external payable {
        uint256 sum = Math.saturatingAdd(deposit, reserve);
        if (sum != msg.value) revert ValueMismatch(msg.value, sum);
        _fund(deposit, reserve);
    }

    /// @notice Adds the value sent to the caller's reserve, and allocates `sum` wei of it for `period`, the present or the next,
    /// to the leaves under a Merkle-sum root (see `allot`). The first root of a period takes the place of its equal shares, so
    /// it comes before the period begins or before anything is shared in it. Later ones add.
    function allocate(uint64 period, bytes32 root, uint256 sum) external payable {
        Sender storage sender = _senders[msg.sender];
        if (sender.unlockAt != 0) revert AlreadyUnlocking(sender.unlockAt);
        uint64 current = _settle(msg.sender, sender);
        if (period != current && period != current + 1) revert NotCurrentPeriod(period, current);
        Budget storage budget = sender.budgets[period];
        uint32 index = budget.roots;
        if (index == 0 && budget.total != 0) revert SharedEqually(period);
        if (index == MAX_ROOTS) revert TooManyRoots();
        if (msg.value != 0) {
            sender.reserve += msg.value.toUint96();
            emit Funded(msg.sender, sender.deposit, sender.reserve);
        }
        uint256 free = sender.reserve - _promised(sender, current);
        if (sum > free) revert OverPromised(sum, free);
        budget.total += uint96(sum);
        budget.roots = index + 1;
        sender.roots[period][index] = keccak256(abi.encode(root, sum));
        emit Allocated(msg.sender, period, index, root, sum);
    }

    /// @notice Begins the unlock period of the caller's funds. Recipients stop taking its tickets, and its reserve backs no
    /// further period.
    function unlock() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.deposit == 0 && sender.reserve == 0) revert NoFunds();
        if (sender.unlockAt != 0) revert AlreadyUnlocking(sender.unlockAt);
        uint64 next = _settle(msg.sender, sender) + 1;
        if (sender.budgets[next].roots != 0) revert AllocatedAhead(next);
        sender.unlockAt = uint64(block.timestamp) + unlockPeriod;
        emit Unlocking(msg.sender, sender.unlockAt);
    }

    /// @notice Ends the unlock period; the funds stay locked. Funding does the same.
    function cancelUnlock() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.unlockAt == 0) revert Locked(0);
        uint64 current = _settle(msg.sender, sender);
        sender.unlockAt = 0;
        emit UnlockCancelled(msg.sender);
        _raise(msg.sender, sender, current);
    }

    /// @notice Pays the caller's deposit and reserve out after the unlock period.
    function withdraw() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.unlockAt == 0 || block.timestamp < sender.unlockAt) revert Locked(sender.unlockAt);
        _settle(msg.sender, sender);
        uint256 deposit = sender.deposit;
        uint256 reserve = sender.reserve;
        sender.deposit = 0;
        sender.reserve = 0;
        sender.unlockAt = 0;
        emit Withdrawn(msg.sender, deposit, reserve);
        Address.sendValue(payable(msg.sender), deposit + reserve);
    }

    // ---------------------------------------------------------------- recipients

    /// @notice Makes `recipient`, a member of the active set, take part in the equally shared budgets of the period that `round`
    /// is in: the present one or the next. Anyone may call it; once a period is enough, and a place taken stays for the period.
    ///
    /// A member gets 1 / (n + n/4 + 1), n being the size of the set: a quarter of the places and one more are spare for those
    /// who join later. When they are running out each gets half of what is left. So the fractions never exceed ONE, whatever
    /// Staking says, and joining and leaving cannot take from those who are enrolled.
    function enrol(uint64 round, address recipient) external {
        uint64 present = currentRound();
        uint64 period = round / periodRounds;
        if (round < present || period > present / periodRounds + 1) revert NotCurrentRound(round, present);
        if (fractionOf[period][recipient] != 0) return;
        if (!staking.isEligible(recipient, present)) revert NotEligible(recipient, present);
        uint256 given = fractionsGiven[period];
        uint256 size = staking.activeCount();
        uint256 fraction = Math.min(ONE / (size + size / 4 + 1), (ONE - given) / 2);
        fractionOf[period][recipient] = fraction;
        fractionsGiven[period] = given + fraction;
        emit Enrolled(period, recipient, fraction);
    }

    /// @notice Counts the leaf of `recipient` under a root of the sender's allocation. Anyone may call it, once a root, at any
    /// time before the redemption that needs it: the root alone makes the promise.
    ///
    /// leaf = keccak256(0 ‖ recipient ‖ amount u96), its sum the amount;
    /// node = keccak256(1 ‖ left ‖ left sum u96 ‖ right ‖ right sum u96), its sum that of both.
    /// @param position bit i: the i-th step of the way up comes from the right
    function allot(
        address sender,
        uint64 period,
        uint256 index,
        address recipient,
        uint96 amount,
        uint256 position,
        Sibling[] calldata path
    ) external {
        bytes32 hash = keccak256(abi.encodePacked(uint8(0), recipient, amount));
        uint96 sum = amount;
        for (uint256 i = 0; i < path.length; ++i) {
            Sibling calldata other = path[i];
            hash = (position >> i) & 1 == 0
                ? keccak256(abi.encodePacked(uint8(1), hash, sum, other.hash, other.sum))
                : keccak256(abi.encodePacked(uint8(1), other.hash, other.sum, hash, sum));
            sum += other.sum; // a sum that overflows reverts
        }
        Sender storage account = _senders[sender];
        if (account.roots[period][index] != keccak256(abi.encode(hash, uint256(sum)))) revert InvalidProof(index);
        Claim storage claim = account.claims[period][recipient];
        uint64 bit = uint64(1) << uint64(index);
        if (claim.roots & bit != 0) revert AlreadyAllotted(index);
        claim.roots |= bit;
        claim.allotted += amount;
        emit Allotted(sender, recipient, period, index, amount);
    }

    // ---------------------------------------------------------------- views

    /// @notice The round of the present block.
    function currentRound() public view returns (uint64) {
        return (uint64(block.timestamp) - genesis) / roundLength;
    }

    /// @notice The period of the present block.
    function currentPeriod() public view returns (uint64) {
        return currentRound() / periodRounds;
    }

    /// @notice Deposit and reserve of a sender; `unlockAt` is 0 while they are locked.
    function senderInfo(address sender) external view returns (uint256 deposit, uint256 reserve, uint64 unlockAt) {
        Sender storage account = _senders[sender];
        return (account.deposit, account.reserve, account.unlockAt);
    }

    /// @notice The budget of a sender for a period, wei spent of it, and the number of roots of its own allocation (0: the
    /// budget is shared by fractions). A budget of the future is zero until it is allocated.
    function budgetOf(address sender, uint64 period)
        external
        view
        returns (uint256 total, uint256 spent, uint256 roots)
    {
        Sender storage account = _senders[sender];
        Budget storage budget = account.budgets[period];
        return (_total(account, period, currentPeriod()), budget.spent, budget.roots);
    }

    /// @notice Wei of the reserve of `sender` that are not promised: what may be allocated.
    function freeReserve(address sender) external view returns (uint256) {
        Sender storage account = _senders[sender];
        return account.reserve - _promised(account, currentPeriod());
    }

    /// @notice Wei that the reserve of `sender` guarantees to `recipient` for tickets of the period that `round` is in, and wei
    /// claimed of it. Once all tickets of the period have expired, nothing.
    function reserveShare(address sender, address recipient, uint64 round)
        public
        view
        returns (uint256 share, uint256 claimed)
    {
        uint64 period = round / periodRounds;
        Sender storage account = _senders[sender];
        claimed = account.claims[period][recipient].spent;
        if (_isLive(period)) share = _promise(account, recipient, period);
    }

    /// @notice Wei that were allotted to `recipient` so far, and by which roots.
    function allotmentOf(address sender, address recipient, uint64 period)
        external
        view
        returns (uint256 amount, uint64 roots)
    {
        Claim storage claim = _senders[sender].claims[period][recipient];
        return (claim.allotted, claim.roots);
    }

    /// @notice Whether `recipient` takes part in equally shared budgets of the period that `round` is in.
    function enrolled(uint64 round, address recipient) external view returns (bool) {
        return fractionOf[round / periodRounds][recipient] != 0;
    }

    // ---------------------------------------------------------------- insides

    /// Takes a payment out of the funds of a sender; the caller has looked what there is.
    function _spend(address sender, address recipient, uint64 round, uint256 fromDeposit, uint256 fromReserve)
        internal
    {
        Sender storage account = _senders[sender];
        account.deposit -= uint96(fromDeposit);
        if (fromReserve == 0) return;
        _settle(sender, account);
        uint96 claimed = uint96(fromReserve); // ≤ the reserve, as all promises together are
        uint64 period = round / periodRounds;
        account.reserve -= claimed;
        account.budgets[period].spent += claimed;
        account.claims[period][recipient].spent += claimed;
    }

    function _depositOf(address sender) internal view returns (uint256) {
        return _senders[sender].deposit;
    }

    function _fund(uint256 deposit, uint256 reserve) private {
        if (msg.value == 0) revert NoFunds();
        Sender storage sender = _senders[msg.sender];
        uint64 current = _settle(msg.sender, sender);
        sender.deposit += deposit.toUint96();
        sender.reserve += reserve.toUint96();
        sender.unlockAt = 0;
        emit Funded(msg.sender, sender.deposit, sender.reserve);
        _raise(msg.sender, sender, current);
    }

    /// Writes down the budgets that have begun since the sender was touched last; whatever changes reserve, lock or a budget
    /// comes through here first, so that they are what they were when their periods began.
    function _settle(address sender, Sender storage account) private returns (uint64 current) {
        current = currentPeriod();
        uint64 last = account.period;
        if (last == current) return current;
        // Tickets of earlier periods have expired.
        uint64 from = last + 1 == current ? current : current - 1;
        for (uint64 period = from; period <= current; ++period) {
            _setTotal(sender, account, period, _total(account, period, current));
        }
        account.period = current;
    }

    /// Raises the present period's equally shared budget to what the reserve allows now.
    function _raise(address sender, Sender storage account, uint64 current) private {
        Budget storage budget = account.budgets[current];
        if (budget.roots != 0) return;
        uint256 half = (uint256(account.reserve) + budget.spent) / 2;
        uint256 most = budget.total + account.reserve - _promised(account, current);
        _setTotal(sender, account, current, Math.max(budget.total, Math.min(half, most)));
    }

    function _setTotal(address sender, Sender storage account, uint64 period, uint256 total) private {
        Budget storage budget = account.budgets[period];
        if (budget.total == total) return;
        budget.total = uint96(total); // ≤ reserve + spent
        emit BudgetSet(sender, period, total);
    }

    /// The budget of a period: as written down; or, where it has begun since, half of the reserve or what the budget before it
    /// leaves of it. The reserve is still the one that the period began with: nothing changes it without writing down first.
    function _total(Sender storage account, uint64 period, uint64 current) private view returns (uint256) {
        Budget storage budget = account.budgets[period];
        bool begun = period > account.period && period <= current;
        if (!begun || budget.roots != 0) return budget.total;
        if (account.unlockAt != 0 || period + 1 < current) return 0;
        uint256 reserve = account.reserve;
        uint256 before = _total(account, period - 1, current) - account.budgets[period - 1].spent;
        return Math.min(reserve / 2, reserve - before);
    }

    /// Wei of the reserve that tickets may still claim, or have been allocated to the next period.
    function _promised(Sender storage account, uint64 current) private view returns (uint256 sum) {
        sum = _total(account, current, current) - account.budgets[current].spent + account.budgets[current + 1].total;
        if (current != 0 && _isLive(current - 1)) {
            sum += _total(account, current - 1, current) - account.budgets[current - 1].spent;
        }
    }

    /// What is promised to a recipient for a period, claimed or not.
    function _promise(Sender storage account, address recipient, uint64 period) private view returns (uint256) {
        if (account.budgets[period].roots != 0) return account.claims[period][recipient].allotted;
        uint256 fraction = fractionOf[period][recipient];
        return fraction == 0 ? 0 : _total(account, period, currentPeriod()) * fraction / ONE;
    }

    /// Whether a ticket of the period may still be good.
    function _isLive(uint64 period) private view returns (bool) {
        return block.timestamp <= genesis + (period + 1) * periodRounds * roundLength + ticketValidity;
    }
}
