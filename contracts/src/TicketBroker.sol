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

    /// One ticket on its way through a redemption: what was read once, and where its money comes from, in wei.
    struct Payment {
        address sender;
        address recipient;
        Credit credit; // the recipient's
        bytes32 key; // of the nonce's word
        uint256 word;
        uint256 bit; // of the nonce, paid in full; the next one: in part
        uint256 before; // paid earlier
        uint256 fromDeposit;
        uint256 fromReserve;
        uint256 paid; // now: the sum of both
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

    /// keccak(sender, recipient, lane · 2^64 + nonce / 128) → two bits a nonce: paid in full, and paid in part.
    mapping(bytes32 key => uint256 word) private _nonces;
    mapping(bytes32 ticket => uint256) private _partPaid; // keccak(key, nonce) → wei, of tickets paid in part
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
        (Reason reason, Payment memory payment) = _check(ticket, v, r, s, recipientRand);
        if (reason != Reason.None) revert TicketRejected(reason);
        _findFunds(ticket, payment);
        paid = payment.paid;
        if (paid == 0) revert TicketRejected(Reason.Insufficient);
        if (paid < minPayout) revert PayoutTooLow(paid, minPayout);
        _pay(ticket, payment);
    }

    /// @notice Pays those of `items` that are payable in full and passes over the others.
    function batchRedeem(Redemption[] calldata items) external returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            _redeemItem(items[i], outcomes[i]);
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
        // The struct is static and in the order of the type, so that its calldata is its encoding. Solidity would copy it field
        // by field.
        bytes32 typeHash = TICKET_TYPEHASH;
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 32), ticket, 320)
            structHash := keccak256(free, 352)
        }
        return _hashTypedDataV4(structHash);
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

    function _redeemItem(Redemption calldata item, Outcome memory outcome) private {
        Ticket calldata ticket = item.ticket;
        (Reason reason, Payment memory payment) = _check(ticket, item.v, item.r, item.s, item.recipientRand);
        if (reason == Reason.None) {
            _findFunds(ticket, payment);
            if (payment.left == 0 && payment.paid != 0) {
                outcome.paid = payment.paid;
                outcome.fromReserve = payment.fromReserve;
                _pay(ticket, payment);
                return;
            }
            reason = Reason.Insufficient;
        }
        outcome.reason = reason;
        emit TicketSkipped(ticket.sender, ticket.recipient, ticket.receiptHash, ticket.lane, ticket.nonce, reason);
    }

    /// Everything about a ticket but the money.
    function _check(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s, bytes32 recipientRand)
        private
        view
        returns (Reason, Payment memory payment)
    {
        payment.sender = ticket.sender;
        payment.recipient = ticket.recipient;
        payment.credit = _credits[payment.recipient];
        address relayer = payment.credit.relayer;
        if (relayer != address(0) && msg.sender != relayer && msg.sender != payment.recipient) {
            return (Reason.Relayer, payment);
        }
        payment.key = _nonceKey(payment.sender, payment.recipient, ticket.lane, ticket.nonce);
        payment.word = _nonces[payment.key];
        payment.bit = _nonceBit(ticket.nonce);
        if (payment.word & payment.bit != 0) return (Reason.Used, payment);
        Reason reason = _checkTime(ticket.round, ticket.expiry);
        if (reason != Reason.None) return (reason, payment);
        if (_hash(recipientRand) != ticket.randHash) return (Reason.Rand, payment);
        if (!_maySign(payment.sender, _signer(ticket, v, r, s))) return (Reason.Signature, payment);
        return (_wins(ticket, r, s, recipientRand) ? Reason.None : Reason.NotWinning, payment);
    }

    function _checkTime(uint256 round, uint256 expiry) private view returns (Reason) {
        unchecked {
            // Of 64 bits each.
            if (block.timestamp > expiry) return Reason.Expired;
            uint256 end = genesis + (round + 1) * roundLength; // of the round
            bool begun = end <= block.timestamp + roundLength;
            return begun && expiry <= end + ticketValidity ? Reason.None : Reason.Round;
        }
    }

    /// Whose signature this is; zero: nobody's, as far as one can tell.
    function _signer(Ticket calldata ticket, uint8 v, bytes32 r, bytes32 s) private view returns (address) {
        return uint256(s) > HALF_ORDER ? address(0) : ecrecover(ticketHash(ticket), v, r, s);
    }

    function _maySign(address sender, address signer) private view returns (bool) {
        if (signer == address(0)) return false;
        return signer == sender || block.timestamp <= signerUntil[sender][signer];
    }

    /// draw < ⌈fee · 2^256 / faceValue⌉  ⟺  draw · faceValue < fee · 2^256  ⟺  ⌊draw · faceValue / 2^256⌋ < fee.
    function _wins(Ticket calldata ticket, bytes32 r, bytes32 s, bytes32 recipientRand) private pure returns (bool) {
        if (ticket.fee >= ticket.faceValue) return ticket.fee != 0;
        (uint256 high,) = Math.mul512(uint256(_hash(r, s, recipientRand)), ticket.faceValue);
        return high < ticket.fee;
    }

    /// Finds the money for a winner: the deposit, then what is promised to the recipient.
    function _findFunds(Ticket calldata ticket, Payment memory payment) private view {
        // A fee above the face value is paid as itself.
        uint256 due = ticket.fee > ticket.faceValue ? ticket.fee : ticket.faceValue;
        if (payment.word & (payment.bit << 1) != 0) {
            payment.before = _partPaid[_partKey(payment.key, ticket.nonce)];
            due = Math.saturatingSub(due, payment.before);
        }
        payment.fromDeposit = Math.min(due, _depositOf(payment.sender));
        payment.left = due - payment.fromDeposit;
        if (payment.left != 0) {
            (uint256 share, uint256 claimed) = reserveShare(payment.sender, payment.recipient, ticket.round);
            payment.fromReserve = Math.min(payment.left, share - claimed);
            payment.left -= payment.fromReserve;
        }
        payment.paid = due - payment.left;
    }

    function _pay(Ticket calldata ticket, Payment memory payment) private {
        uint256 paid = payment.paid;
        if (payment.left == 0) {
            _nonces[payment.key] = payment.word | payment.bit;
            if (payment.before != 0) delete _partPaid[_partKey(payment.key, ticket.nonce)];
        } else {
            _nonces[payment.key] = payment.word | (payment.bit << 1);
            _partPaid[_partKey(payment.key, ticket.nonce)] = payment.before + paid;
        }
        _spend(payment.sender, payment.recipient, ticket.round, payment.fromDeposit, payment.fromReserve);
        Credit memory credit = payment.credit;
        credit.owed += uint96(credit.owed == 0 ? paid + 1 : paid);
        _credits[payment.recipient] = credit;
        emit WinningTicketRedeemed(
            payment.sender,
            payment.recipient,
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
        bytes32 place = bytes32(uint256(lane) << 64 | nonce >> 7);
        return _hash(bytes32(uint256(uint160(sender))), bytes32(uint256(uint160(recipient))), place);
    }

    function _nonceBit(uint64 nonce) private pure returns (uint256) {
        return 1 << ((nonce & 0x7f) << 1);
    }

    function _partKey(bytes32 key, uint64 nonce) private pure returns (bytes32) {
        return keccak256(abi.encode(key, nonce));
    }

    /// keccak256(abi.encode(a)) without taking memory, as the next one.
    function _hash(bytes32 a) private pure returns (bytes32 h) {
        assembly ("memory-safe") {
            mstore(0, a)
            h := keccak256(0, 32)
        }
    }

    /// keccak256(abi.encode(a, b, c)).
    function _hash(bytes32 a, bytes32 b, bytes32 c) private pure returns (bytes32 h) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 32), b)
            mstore(add(free, 64), c)
            h := keccak256(free, 96)
        }
    }
}
