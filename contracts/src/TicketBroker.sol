// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Reserves} from "./Reserves.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IStaking} from "./interfaces/IStaking.sol";

/// @title TicketBroker
/// @notice Holds the senders' deposits and reserves and pays winning tickets. It has no owner and cannot be changed.
///
/// A ticket pays for one receipt. It wins if keccak256(r ‖ s ‖ recipientRand), r and s of the sender's signature, is below
/// ⌈fee · 2^256 / faceValue⌉: neither side can foresee or choose the draw. Its expected value is the fee.
///
/// The deposit pays first. What it can't pay comes out of the reserve, up to what is promised to the recipient for the period
/// that the ticket's round is in (see Reserves). A redemption calls nobody.
contract TicketBroker is Reserves, EIP712 {
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
        uint64 round; // the promise of its period secures it
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
        Insufficient,
        Relayer // the recipient named another one
    }

    /// @notice What a redemption did.
    struct Outcome {
        Reason reason; // None: paid
        uint256 paid;
        uint256 fromReserve;
    }

    /// Where the money of one winner comes from, in wei.
    struct Payment {
        bytes32 word; // key of its nonce's bitmap
        uint256 before; // paid earlier
        uint256 fromDeposit;
        uint256 fromReserve;
        uint256 left; // cannot be paid now
    }

    struct Credit {
        uint96 owed; // wei + 1 once it was used: the slot stays warm and cheap
        address relayer; // who alone may redeem; 0 = anybody
    }

    /// @notice The EIP-712 type of a ticket.
    bytes32 public constant TICKET_TYPEHASH = keccak256(
        "Ticket(bytes32 receiptHash,address sender,address recipient,uint256 fee,uint256 faceValue,bytes32 randHash,"
        "uint64 lane,uint64 nonce,uint64 round,uint64 expiry)"
    );

    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Until when a hot key may sign for a sender, in seconds since the epoch; type(uint64).max = not revoked.
    mapping(address sender => mapping(address signer => uint64)) public signerUntil;

    mapping(bytes32 word => uint256) private _nonces; // keccak(sender, recipient, lane, nonce / 256) → bitmap
    mapping(bytes32 ticket => uint256) private _partPaid; // keccak(word, nonce) → wei, of tickets that are still due
    mapping(address recipient => Credit) private _credits;

    /// @notice `signer` may sign tickets of `sender` until `until`.
    event SignerSet(address indexed sender, address indexed signer, uint64 until);
    /// @notice Only `relayer` may redeem tickets of `recipient`, beside itself; zero: anybody may.
    event RelayerSet(address indexed recipient, address indexed relayer);
    /// @notice A ticket was paid: `paid` wei, `fromReserve` of it out of the reserve; `left` wei are still due.
    event WinningTicketRedeemed(
        address indexed sender,
        address indexed recipient,
        bytes32 indexed receiptHash,
        uint256 faceValue,
        uint256 paid,
        uint256 fromReserve,
        uint256 left,
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

    /// @notice The ticket is not payable.
    error TicketRejected(Reason reason);
    /// @notice Deposit and promise would pay `payable_`, less than the minimum asked for.
    error PayoutTooLow(uint256 payable_, uint256 minPayout);

    /// @param staking_ the Staking contract
    /// @param rounds the clock, whose genesis and round length are copied
    /// @param ticketValidity_ seconds after its round's end that a ticket may live
    /// @param unlockPeriod_ seconds between unlock and withdraw
    constructor(IStaking staking_, IRounds rounds, uint64 ticketValidity_, uint64 unlockPeriod_)
        Reserves(staking_, rounds, ticketValidity_, unlockPeriod_)
        EIP712("Castnet", "1")
    {}

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

    /// @notice Lets only `relayer`, beside the caller, redeem the caller's tickets; zero: anybody. Without one a sender can sign a
    /// second ticket of a nonce, worth 1 wei, and have it redeemed before a winner that it saw coming.
    function setRelayer(address relayer) external {
        _credits[msg.sender].relayer = relayer;
        emit RelayerSet(msg.sender, relayer);
    }

    /// @notice Pays one ticket, at least `minPayout` of it. What deposit and promise can't pay of it stays due until it expires.
    function redeem(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand, uint256 minPayout)
        external
        returns (uint256 paid)
    {
        Reason reason = _check(ticket, v, r, s, recipientRand);
        if (reason != Reason.None) revert TicketRejected(reason);
        Payment memory payment = _funds(ticket);
        paid = payment.fromDeposit + payment.fromReserve;
        if (paid == 0) revert TicketRejected(Reason.Insufficient);
        if (paid < minPayout) revert PayoutTooLow(paid, minPayout);
        _pay(ticket, payment);
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
        _credits[recipient].owed = 1;
        try staking.depositFees{value: amount}(recipient) {
            emit Swept(recipient, amount);
        } catch (bytes memory reason) {
            _credits[recipient].owed += uint96(amount);
            emit SweepFailed(recipient, amount, reason);
            amount = 0;
        }
    }

    /// @notice Wei that a ticket was paid in part; zero once it is paid in full.
    function partPaid(address sender, address recipient, uint64 lane, uint64 nonce) external view returns (uint256) {
        return _partPaid[_partKey(_nonceKey(sender, recipient, lane, nonce), nonce)];
    }

    /// @notice Who alone may redeem tickets of `recipient`, beside itself; zero: anybody may.
    function relayerOf(address recipient) external view returns (address) {
        return _credits[recipient].relayer;
    }

    /// @notice Wei credited to `recipient` that were not swept.
    function owed(address recipient) public view returns (uint256) {
        return Math.saturatingSub(_credits[recipient].owed, 1);
    }

    /// @notice True if a ticket with this nonce was paid in full.
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

    function _setSigner(address signer, uint64 until) private {
        signerUntil[msg.sender][signer] = until;
        emit SignerSet(msg.sender, signer, until);
    }

    function _redeemItem(Redemption calldata item) private returns (Outcome memory outcome) {
        Ticket calldata ticket = item.ticket;
        outcome.reason = _check(ticket, item.v, item.r, item.s, item.recipientRand);
        if (outcome.reason == Reason.None) {
            Payment memory payment = _funds(ticket);
            if (payment.left == 0) {
                _pay(ticket, payment);
                return Outcome(Reason.None, payment.fromDeposit + payment.fromReserve, payment.fromReserve);
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
        address relayer = _credits[ticket.recipient].relayer;
        if (relayer != address(0) && msg.sender != relayer && msg.sender != ticket.recipient) return Reason.Relayer;
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

    /// Where the money of a winner comes from: the deposit, then what is promised to the recipient.
    function _funds(Ticket calldata ticket) private view returns (Payment memory payment) {
        bytes32 word = _nonceKey(ticket.sender, ticket.recipient, ticket.lane, ticket.nonce);
        payment.before = _partPaid[_partKey(word, ticket.nonce)];
        uint256 due = Math.saturatingSub(_due(ticket), payment.before);
        payment.word = word;
        payment.fromDeposit = Math.min(due, _depositOf(ticket.sender));
        payment.left = due - payment.fromDeposit;
        if (payment.left != 0) {
            (uint256 share, uint256 claimed) = reserveShare(ticket.sender, ticket.recipient, ticket.round);
            payment.fromReserve = Math.min(payment.left, share - claimed);
            payment.left -= payment.fromReserve;
        }
    }

    function _pay(Ticket calldata ticket, Payment memory payment) private {
        uint256 paid = payment.fromDeposit + payment.fromReserve;
        bytes32 part = _partKey(payment.word, ticket.nonce);
        if (payment.left != 0) {
            _partPaid[part] = payment.before + paid;
        } else {
            _nonces[payment.word] |= _nonceBit(ticket.nonce);
            if (payment.before != 0) delete _partPaid[part];
        }
        _spend(ticket.sender, ticket.recipient, ticket.round, payment.fromDeposit, payment.fromReserve);
        Credit storage credit = _credits[ticket.recipient];
        credit.owed += uint96(credit.owed == 0 ? paid + 1 : paid);
        emit WinningTicketRedeemed(
            ticket.sender,
            ticket.recipient,
            ticket.receiptHash,
            ticket.faceValue,
            paid,
            payment.fromReserve,
            payment.left,
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

    function _partKey(bytes32 word, uint64 nonce) private pure returns (bytes32) {
        return keccak256(abi.encode(word, nonce));
    }
}
