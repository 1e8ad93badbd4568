// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IStaking} from "./interfaces/IStaking.sol";

/// @title TicketBroker
/// @notice Holds the senders' deposits and reserves and pays winning tickets. It has no owner and cannot be changed.
///
/// A ticket pays for one receipt. It wins if keccak256(r ‖ s ‖ recipientRand), r and s of the sender's signature, is below
/// ⌈fee · 2^256 / faceValue⌉: neither side can foresee or choose the draw. Its expected value is the fee.
///
/// The deposit pays first. What it can't pay comes out of the reserve, up to the recipient's share for the round that the
/// ticket names: (reserve when the round began) / (size of the active set in it). Who is in the set enters by `enrol`; a
/// redemption itself calls nobody.
contract TicketBroker is EIP712 {
    using SafeCast for uint256;
    using Checkpoints for Checkpoints.Trace208;

    /// @notice A sender's promise; the fields are the EIP-712 type.
    struct Ticket {
        bytes32 receiptHash; // what is paid for
        address sender;
        address recipient; // an orchestrator's owner
        uint256 fee; // wei; the ticket's expected value
        uint256 faceValue; // wei paid if it wins
        bytes32 randHash; // keccak256 of the recipient's random number
        uint64 lane; // of the sender; nonces are unique within (sender, recipient, lane)
        uint64 nonce;
        uint64 round; // whose reserve share secures it
        uint64 expiry; // seconds since the epoch; valid up to and including it
    }

    /// @notice A ticket with what redeeming it takes.
    struct Redemption {
        Ticket ticket;
        uint8 v;
        bytes32 r;
        bytes32 s;
        bytes32 recipientRand;
    }

    /// @notice Why a ticket is not paid.
    enum Reason {
        None,
        Used,
        Expired,
        Round, // has not begun, or the expiry is too far after it
        Rand,
        Signature,
        NotWinning,
        Insufficient
    }

    /// @notice What a redemption did.
    struct Outcome {
        Reason reason; // None: paid
        uint256 paid;
        uint256 fromReserve;
    }

    struct Sender {
        uint128 deposit;
        uint64 unlockAt; // 0 = locked
        Checkpoints.Trace208 reserve; // by round: the value when the round ended
    }

    /// @notice The EIP-712 type of a ticket.
    bytes32 public constant TICKET_TYPEHASH = keccak256(
        "Ticket(bytes32 receiptHash,address sender,address recipient,uint256 fee,uint256 faceValue,bytes32 randHash,"
        "uint64 lane,uint64 nonce,uint64 round,uint64 expiry)"
    );

    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

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

    /// @notice Size of the active set by which reserves are shared in a round; 0 = nobody enrolled.
    mapping(uint64 round => uint256) public setSize;
    /// @notice Whether a recipient takes part in the reserves of a round.
    mapping(uint64 round => mapping(address recipient => bool)) public enrolled;
    /// @notice Until when a hot key may sign for a sender, in seconds since the epoch; type(uint64).max = not revoked.
    mapping(address sender => mapping(address signer => uint64)) public signerUntil;

    mapping(address sender => Sender) private _senders;
    mapping(bytes32 word => uint256) private _nonces; // keccak(sender, recipient, lane, nonce / 256) → bitmap
    mapping(bytes32 claim => uint256) private _claimed; // keccak(sender, recipient, round) → wei out of the reserve
    mapping(address recipient => uint256) private _owed; // wei + 1 once it was used: the slot stays warm and cheap

    /// @notice The funds of `sender` are now these, and locked.
    event Funded(address indexed sender, uint256 deposit, uint256 reserve);
    /// @notice `sender` may withdraw from `unlockAt` on.
    event Unlocking(address indexed sender, uint64 unlockAt);
    /// @notice `sender` keeps its funds here after all.
    event UnlockCancelled(address indexed sender);
    /// @notice `sender` took its funds home.
    event Withdrawn(address indexed sender, uint256 deposit, uint256 reserve);
    /// @notice `signer` may sign tickets of `sender` until `until`.
    event SignerSet(address indexed sender, address indexed signer, uint64 until);
    /// @notice `recipient` takes part in reserves in `round`, which are shared by `size`.
    event Enrolled(uint64 indexed round, address indexed recipient, uint256 size);
    /// @notice A ticket was paid: `paid` wei, `fromReserve` of it out of the reserve.
    event WinningTicketRedeemed(
        address indexed sender,
        address indexed recipient,
        bytes32 indexed receiptHash,
        uint256 faceValue,
        uint256 paid,
        uint256 fromReserve,
        uint64 lane,
        uint64 nonce,
        uint64 round
    );
    /// @notice A ticket of a batch was passed over.
    event TicketSkipped(
        address indexed sender,
        address indexed recipient,
        bytes32 indexed receiptHash,
        uint64 lane,
        uint64 nonce,
        Reason reason
    );
    /// @notice What was owed to `recipient` went into its pool.
    event Swept(address indexed recipient, uint256 amount);
    /// @notice The pool did not take it; it stays owed.
    event SweepFailed(address indexed recipient, uint256 amount, bytes reason);

    /// @notice The unlock period must be longer than a round and the ticket validity together.
    error UnlockPeriodTooShort(uint64 given, uint64 required);
    /// @notice The value sent is not the sum of the parts.
    error ValueMismatch(uint256 sent, uint256 asked);
    /// @notice There is nothing to unlock, withdraw or fund with.
    error NoFunds();
    /// @notice The funds are locked until `unlockAt`; 0: no unlock is running.
    error Locked(uint64 unlockAt);
    /// @notice An unlock is running already.
    error AlreadyUnlocking(uint64 unlockAt);
    /// @notice Only the present round takes enrolments.
    error NotCurrentRound(uint64 asked, uint64 current);
    /// @notice `recipient` is not in the active set, or was not when `round` began.
    error NotEligible(address recipient, uint64 round);
    /// @notice The ticket is not payable.
    error TicketRejected(Reason reason);
    /// @notice Deposit and share would pay `payable_`, less than the minimum asked for.
    error PayoutTooLow(uint256 payable_, uint256 minPayout);

    /// @param staking_ the Staking contract
    /// @param rounds the clock, whose genesis and round length are copied
    /// @param ticketValidity_ seconds after its round's end that a ticket may live
    /// @param unlockPeriod_ seconds between unlock and withdraw
    constructor(IStaking staking_, IRounds rounds, uint64 ticketValidity_, uint64 unlockPeriod_)
        EIP712("Castnet", "1")
    {
        staking = staking_;
        genesis = rounds.genesis();
        roundLength = rounds.roundLength();
        ticketValidity = ticketValidity_;
        unlockPeriod = unlockPeriod_;
        uint64 required = roundLength + ticketValidity_;
        if (unlockPeriod_ <= required) revert UnlockPeriodTooShort(unlockPeriod_, required);
    }

    // ---------------------------------------------------------------- senders

    /// @notice Adds the value sent to the caller's deposit.
    function fundDeposit() external payable {
        _fund(msg.value, 0);
    }

    /// @notice Adds the value sent to the caller's reserve. It counts from the next round on (in round 0: at once).
    function fundReserve() external payable {
        _fund(0, msg.value);
    }

    /// @notice Adds to both; the value sent must be their sum.
    function fund(uint256 deposit, uint256 reserve) external payable {
        uint256 sum = Math.saturatingAdd(deposit, reserve);
        if (sum != msg.value) revert ValueMismatch(msg.value, sum);
        _fund(deposit, reserve);
    }

    /// @notice Begins the unlock period of the caller's funds. Recipients stop taking its tickets.
    function unlock() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.deposit == 0 && sender.reserve.latest() == 0) revert NoFunds();
        if (sender.unlockAt != 0) revert AlreadyUnlocking(sender.unlockAt);
        sender.unlockAt = uint64(block.timestamp) + unlockPeriod;
        emit Unlocking(msg.sender, sender.unlockAt);
    }

    /// @notice Ends the unlock period; the funds stay locked. Funding does the same.
    function cancelUnlock() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.unlockAt == 0) revert Locked(0);
        sender.unlockAt = 0;
        emit UnlockCancelled(msg.sender);
    }

    /// @notice Pays the caller's deposit and reserve out after the unlock period.
    function withdraw() external {
        Sender storage sender = _senders[msg.sender];
        if (sender.unlockAt == 0 || block.timestamp < sender.unlockAt) revert Locked(sender.unlockAt);
        uint256 deposit = sender.deposit;
        uint256 reserve = sender.reserve.latest();
        if (deposit == 0 && reserve == 0) revert NoFunds();
        sender.deposit = 0;
        sender.unlockAt = 0;
        _setReserve(sender, 0);
        emit Withdrawn(msg.sender, deposit, reserve);
        Address.sendValue(payable(msg.sender), deposit + reserve);
    }

    /// @notice Lets `signer` sign the caller's tickets.
    function authoriseSigner(address signer) external {
        _setSigner(signer, type(uint64).max);
    }

    /// @notice Ends it after the unlock period, so that no ticket that was accepted becomes worthless.
    function revokeSigner(address signer) external {
        if (signerUntil[msg.sender][signer] == type(uint64).max) {
            _setSigner(signer, uint64(block.timestamp) + unlockPeriod);
        }
    }

    // ---------------------------------------------------------------- recipients

    /// @notice Makes `recipient` take part in the reserves of the present round. Anyone may call it, as often as they like. The
    /// first enrolment of a round freezes the size of the set by which reserves are shared; in round 0 each updates it.
    function enrol(uint64 round, address recipient) external {
        uint64 current = currentRound();
        if (round != current) revert NotCurrentRound(round, current);
        if (!staking.isEligible(recipient, round)) revert NotEligible(recipient, round);
        uint256 size = setSize[round];
        if (size == 0 || round == 0) {
            size = staking.activeCount();
            setSize[round] = size;
        }
        enrolled[round][recipient] = true;
        emit Enrolled(round, recipient, size);
    }

    /// @notice Pays one ticket, at least `minPayout` of it. What deposit and share can't pay of it is lost.
    function redeem(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand, uint256 minPayout)
        external
        returns (uint256 paid)
    {
        Reason reason = _check(ticket, v, r, s, recipientRand);
        if (reason != Reason.None) revert TicketRejected(reason);
        uint256 fromDeposit;
        uint256 fromReserve;
        (fromDeposit, fromReserve) = _funds(ticket, _due(ticket));
        paid = fromDeposit + fromReserve;
        if (paid == 0) revert TicketRejected(Reason.Insufficient);
        if (paid < minPayout) revert PayoutTooLow(paid, minPayout);
        _pay(ticket, fromDeposit, fromReserve);
    }

    /// @notice Pays those of `items` that are payable in full and passes over the others.
    function batchRedeem(Redemption[] calldata items) external returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            outcomes[i] = _redeemItem(items[i]);
        }
    }

    /// @notice Moves what is owed to `recipient` into its pool, where owner and delegators share it. If the pool fails to take
    /// it, it stays owed.
    function sweep(address recipient) external returns (uint256 amount) {
        amount = owed(recipient);
        if (amount == 0) return 0;
        _owed[recipient] = 1;
        try staking.depositFees{value: amount}(recipient) {
            emit Swept(recipient, amount);
        } catch (bytes memory reason) {
            _owed[recipient] += amount;
            emit SweepFailed(recipient, amount, reason);
            amount = 0;
        }
    }

    // ---------------------------------------------------------------- views

    /// @notice The round of the present block.
    function currentRound() public view returns (uint64) {
        return (uint64(block.timestamp) - genesis) / roundLength;
    }

    /// @notice Deposit and reserve of a sender; `unlockAt` is 0 while they are locked.
    function senderInfo(address sender) external view returns (uint256 deposit, uint256 reserve, uint64 unlockAt) {
        Sender storage account = _senders[sender];
        return (account.deposit, account.reserve.latest(), account.unlockAt);
    }

    /// @notice Wei that the reserve of `sender` guarantees to `recipient` in `round`, and wei claimed of it.
    function reserveShare(address sender, address recipient, uint64 round)
        public
        view
        returns (uint256 share, uint256 claimed)
    {
        claimed = _claimed[_claimKey(sender, recipient, round)];
        if (enrolled[round][recipient]) share = _frozenReserve(_senders[sender], round) / setSize[round];
    }

    /// @notice Wei credited to `recipient` that were not swept.
    function owed(address recipient) public view returns (uint256) {
        return Math.saturatingSub(_owed[recipient], 1);
    }

    /// @notice True if a ticket with this nonce was paid.
    function isUsed(address sender, address recipient, uint64 lane, uint64 nonce) public view returns (bool) {
        return _nonces[_nonceKey(sender, recipient, lane, nonce)] & _nonceBit(nonce) != 0;
    }

    /// @notice The digest that the sender signs.
    function ticketHash(Ticket calldata ticket) public view returns (bytes32) {
        // The struct is static and in the order of the type, so that its calldata is its encoding.
        return _hashTypedDataV4(keccak256(abi.encode(TICKET_TYPEHASH, ticket)));
    }

    /// @notice The EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // ---------------------------------------------------------------- insides

    function _fund(uint256 deposit, uint256 reserve) private {
        if (msg.value == 0) revert NoFunds();
        Sender storage sender = _senders[msg.sender];
        sender.deposit += deposit.toUint128();
        if (reserve != 0) _setReserve(sender, sender.reserve.latest() + reserve);
        if (sender.unlockAt != 0) sender.unlockAt = 0;
        emit Funded(msg.sender, sender.deposit, sender.reserve.latest());
    }

    function _setReserve(Sender storage sender, uint256 value) private {
        sender.reserve.push(uint48(currentRound()), value.toUint208());
    }

    /// The reserve when `round` began; in round 0, as it is now.
    function _frozenReserve(Sender storage sender, uint64 round) private view returns (uint256) {
        return sender.reserve.upperLookupRecent(round == 0 ? 0 : uint48(round) - 1);
    }

    function _setSigner(address signer, uint64 until) private {
        signerUntil[msg.sender][signer] = until;
        emit SignerSet(msg.sender, signer, until);
    }

    function _redeemItem(Redemption calldata item) private returns (Outcome memory outcome) {
        Ticket calldata ticket = item.ticket;
        outcome.reason = _check(ticket, item.v, item.r, item.s, item.recipientRand);
        if (outcome.reason == Reason.None) {
            uint256 due = _due(ticket);
            (uint256 fromDeposit, uint256 fromReserve) = _funds(ticket, due);
            if (fromDeposit + fromReserve == due) {
                _pay(ticket, fromDeposit, fromReserve);
                return Outcome(Reason.None, due, fromReserve);
            }
            outcome.reason = Reason.Insufficient;
        }
        emit TicketSkipped(
            ticket.sender, ticket.recipient, ticket.receiptHash, ticket.lane, ticket.nonce, outcome.reason
        );
    }

    /// Everything about a ticket but the money.
    function _check(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand)
        private
        view
        returns (Reason)
    {
        if (isUsed(ticket.sender, ticket.recipient, ticket.lane, ticket.nonce)) return Reason.Used;
        if (block.timestamp > ticket.expiry) return Reason.Expired;
        if (ticket.round > currentRound()) return Reason.Round;
        if (ticket.expiry > genesis + (ticket.round + 1) * roundLength + ticketValidity) return Reason.Round;
        if (keccak256(abi.encode(recipientRand)) != ticket.randHash) return Reason.Rand;
        if (!_signedBySender(ticket, v, r, s)) return Reason.Signature;
        return _wins(ticket, r, s, recipientRand) ? Reason.None : Reason.NotWinning;
    }

    function _signedBySender(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s) private view returns (bool) {
        if (uint256(s) > HALF_ORDER) return false;
        address signer = ecrecover(ticketHash(ticket), v, r, s);
        if (signer == address(0)) return false;
        return signer == ticket.sender || block.timestamp <= signerUntil[ticket.sender][signer];
    }

    /// draw < ⌈fee · 2^256 / faceValue⌉  ⟺  draw · faceValue < fee · 2^256  ⟺  ⌊draw · faceValue / 2^256⌋ < fee.
    function _wins(Ticket calldata ticket, bytes32 r, bytes32 s, bytes32 recipientRand) private pure returns (bool) {
        if (ticket.fee >= ticket.faceValue) return ticket.fee != 0;
        (uint256 high,) = Math.mul512(uint256(keccak256(abi.encode(r, s, recipientRand))), ticket.faceValue);
        return high < ticket.fee;
    }

    /// What a winner is paid: the face value, or a fee that exceeds it.
    function _due(Ticket calldata ticket) private pure returns (uint256) {
        return Math.max(ticket.fee, ticket.faceValue);
    }

    /// How much of `due` the deposit has, and how much of the rest the recipient's share.
    function _funds(Ticket calldata ticket, uint256 due)
        private
        view
        returns (uint256 fromDeposit, uint256 fromReserve)
    {
        Sender storage sender = _senders[ticket.sender];
        fromDeposit = Math.min(due, sender.deposit);
        if (fromDeposit < due) {
            (uint256 share, uint256 claimed) = reserveShare(ticket.sender, ticket.recipient, ticket.round);
            uint256 left = Math.min(Math.saturatingSub(share, claimed), sender.reserve.latest());
            fromReserve = Math.min(due - fromDeposit, left);
        }
    }

    function _pay(Ticket calldata ticket, uint256 fromDeposit, uint256 fromReserve) private {
        _nonces[_nonceKey(ticket.sender, ticket.recipient, ticket.lane, ticket.nonce)] |= _nonceBit(ticket.nonce);
        Sender storage sender = _senders[ticket.sender];
        sender.deposit -= uint128(fromDeposit);
        if (fromReserve != 0) {
            _setReserve(sender, sender.reserve.latest() - fromReserve);
            _claimed[_claimKey(ticket.sender, ticket.recipient, ticket.round)] += fromReserve;
        }
        uint256 paid = fromDeposit + fromReserve;
        uint256 credit = _owed[ticket.recipient];
        _owed[ticket.recipient] = credit == 0 ? paid + 1 : credit + paid;
        emit WinningTicketRedeemed(
            ticket.sender,
            ticket.recipient,
            ticket.receiptHash,
            ticket.faceValue,
            paid,
            fromReserve,
            ticket.lane,
            ticket.nonce,
            ticket.round
        );
    }

    function _nonceKey(address sender, address recipient, uint64 lane, uint64 nonce) private pure returns (bytes32) {
        return keccak256(abi.encode(sender, recipient, lane, nonce >> 8));
    }

    function _nonceBit(uint64 nonce) private pure returns (uint256) {
        return 1 << (nonce & 0xff);
    }

    function _claimKey(address sender, address recipient, uint64 round) private pure returns (bytes32) {
        return keccak256(abi.encode(sender, recipient, round));
    }
}
