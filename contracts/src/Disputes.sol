// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    AccessManagedUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/manager/AccessManagedUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {IEvidence} from "./interfaces/IEvidence.sol";
import {ISlashing} from "./interfaces/ISlashing.sol";
import {TicketBroker} from "./TicketBroker.sol";

/// @title Disputes
/// @notice Punishes orchestrators for lies that their signatures prove.
///
/// Whoever holds evidence commits to it under a bond, and reveals it later: so nobody who sees a reveal coming can be first with
/// it. The contract of its kind decides (see IEvidence). Signatures are judged by the operator key, and the penalty measured by
/// the stake, of the lease's round. A kind of offence is punished once per lease, so that one fault in a program, signed in every
/// segment, is one offence; and all offences of one of the broker's periods together cost no more than `periodPpm`, so that such a
/// fault in many leases at once is not the end of an owner and its delegators.
///
/// Of what is slashed the challenger and the broadcaster get parts, the treasury the rest. The parts are of the owner's own loss
/// at most, and half of it together at most: no owner can gain by accusing itself, not even with its delegators' stake.
contract Disputes layout at erc7201("castnet.storage.Disputes") is AccessManagedUpgradeable, UUPSUpgradeable {
    using SafeERC20 for IERC20;

    /// @notice The rules of procedure. `evidencePeriod` and `revealWindow` together must be shorter than Staking's unbonding
    /// period, so that the stake of the lease's round can still be slashed.
    struct Terms {
        uint96 bond; // wei; back with a punishment, lost otherwise
        uint64 revealDelay; // seconds from commit to reveal at least
        uint64 revealWindow; // and at most
        uint64 evidencePeriod; // seconds after the lease's round that evidence can be committed to
        uint32 challengerPpm; // of the owner's own loss
        uint32 broadcasterPpm; // likewise
        uint32 periodPpm; // of the stake of the lease's round: the most that offences of one period of the broker cost together
        address treasury;
    }

    /// @notice A kind of offence.
    struct Kind {
        IEvidence checker; // zero: not punished
        uint32 slashPpm; // of the stake of the lease's round
        uint64 jailRounds; // out of the active set for so long
    }

    struct Commitment {
        uint96 bond;
        uint64 since; // seconds since the epoch; 0 = none
    }

    /// @notice A whole, in the unit of parts.
    uint32 public constant PPM = 1_000_000;

    /// @notice Holds the stake and the keys.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable
    ISlashing public immutable staking;
    /// @notice Names the domain of signatures and the clock.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable
    TicketBroker public immutable broker;
    /// @notice CAST.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable
    IERC20 public immutable token;

    Terms private _terms;
    mapping(uint256 kind => Kind) private _kinds;
    mapping(address challenger => mapping(bytes32 commitment => Commitment)) private _commitments;
    mapping(bytes32 offence => bool) private _punished;
    mapping(address orchestrator => mapping(uint256 period => uint256 ppm)) private _penalties;

    /// @notice The rules of procedure are these from now on.
    event TermsSet(Terms terms);
    /// @notice Offences of `kind` are decided and punished so from now on.
    event KindSet(uint256 indexed kind, IEvidence checker, uint32 slashPpm, uint64 jailRounds);
    /// @notice `challenger` committed to evidence under a bond.
    event Committed(address indexed challenger, bytes32 indexed commitment, uint256 bond);
    /// @notice An offence was proved and punished with `slashPpm` of the stake of its round; the bond went back.
    event Punished(
        address indexed orchestrator,
        address indexed challenger,
        address indexed broadcaster,
        uint256 kind,
        bytes32 lease,
        bytes32 commitment,
        uint64 round,
        uint32 slashPpm
    );
    /// @notice Where the CAST went that was slashed for an offence under `lease`.
    event Distributed(bytes32 indexed lease, uint256 taken, uint256 toChallenger, uint256 toBroadcaster);
    /// @notice `challenger` did not reveal in time; the bond went to the treasury.
    event Forfeited(address indexed challenger, bytes32 indexed commitment, uint256 bond);

    /// @notice A rule makes no sense.
    error InvalidTerms();
    /// @notice The bond is `required` wei.
    error WrongBond(uint256 sent, uint256 required);
    /// @notice The challenger made this commitment before.
    error AlreadyCommitted(bytes32 commitment);
    /// @notice The sender did not commit to this evidence.
    error NotCommitted(bytes32 commitment);
    /// @notice A commitment is revealed from `from` up to and including `until`, and forfeited after that.
    error NotNow(uint64 from, uint64 until);
    /// @notice Nobody decides offences of `kind`.
    error UnknownKind(uint256 kind);
    /// @notice The evidence was signed by `signer`; the orchestrator's key of the lease's round is `operator`.
    error NotTheOperator(address signer, address operator);
    /// @notice The lease's round has not begun, or was too long ago when the evidence was committed to.
    error OutOfTime(uint64 round);
    /// @notice The orchestrator was punished for this kind of offence under this lease.
    error AlreadyPunished(bytes32 lease, uint256 kind);

    /// @param staking_ the Staking contract
    /// @param broker_ the TicketBroker
    /// @param token_ CAST
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor(ISlashing staking_, TicketBroker broker_, IERC20 token_) {
        staking = staking_;
        broker = broker_;
        token = token_;
        _disableInitializers();
    }

    /// @notice Sets a new proxy up. Kinds are set afterwards.
    /// @param authority the AccessManager
    /// @param terms_ the rules of procedure
    function initialize(address authority, Terms calldata terms_) external initializer {
        __AccessManaged_init(authority);
        _setTerms(terms_);
    }

    // ---------------------------------------------------------------- governance

    /// @notice Changes the rules of procedure.
    function setTerms(Terms calldata terms_) external restricted {
        _setTerms(terms_);
    }

    /// @notice Changes who decides offences of `kind`, and their penalty. Evidence E1 is kind 1, E2 is kind 2.
    function setKind(uint256 kind, Kind calldata k) external restricted {
        if (k.slashPpm > PPM) revert InvalidTerms();
        _kinds[kind] = k;
        emit KindSet(kind, k.checker, k.slashPpm, k.jailRounds);
    }

    // ---------------------------------------------------------------- challengers

    /// @notice Commits the caller to evidence, under the bond that is sent with it. See `commitmentOf`.
    function commit(bytes32 commitment) external payable {
        if (msg.value != _terms.bond) revert WrongBond(msg.value, _terms.bond);
        Commitment storage c = _commitments[msg.sender][commitment];
        if (c.since != 0) revert AlreadyCommitted(commitment);
        c.bond = uint96(msg.value);
        c.since = uint64(block.timestamp);
        emit Committed(msg.sender, commitment, msg.value);
    }

    /// @notice Shows the evidence that the caller committed to, has it decided, and the orchestrator punished.
    function reveal(uint256 kind, bytes calldata evidence, bytes32 salt) external {
        bytes32 commitment = commitmentOf(kind, evidence, salt);
        Commitment memory c = _take(commitment);
        IEvidence.Offence memory offence = _judge(kind, evidence, c.since);
        uint32 slashPpm = _penalty(_kinds[kind].slashPpm, offence);
        emit Punished(
            offence.orchestrator,
            msg.sender,
            offence.broadcaster,
            kind,
            offence.lease,
            commitment,
            offence.round,
            slashPpm
        );
        _punish(slashPpm, _kinds[kind].jailRounds, offence);
        Address.sendValue(payable(msg.sender), c.bond);
    }

    /// @notice Moves the bond of a commitment that was not revealed in time to the treasury. Anyone may call it.
    function forfeit(address challenger, bytes32 commitment) external {
        Commitment memory c = _commitments[challenger][commitment];
        if (c.since == 0) revert NotCommitted(commitment);
        uint64 until = c.since + _terms.revealWindow;
        if (block.timestamp <= until) revert NotNow(c.since + _terms.revealDelay, until);
        delete _commitments[challenger][commitment];
        emit Forfeited(challenger, commitment, c.bond);
        Address.sendValue(payable(_terms.treasury), c.bond);
    }

    // ---------------------------------------------------------------- views

    /// @notice The rules of procedure.
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @notice How offences of `kind` are decided and punished.
    function kindInfo(uint256 kind) external view returns (Kind memory) {
        return _kinds[kind];
    }

    /// @notice Bond and time of a commitment; zero if there is none.
    function commitmentInfo(address challenger, bytes32 commitment) external view returns (uint256 bond, uint64 since) {
        Commitment storage c = _commitments[challenger][commitment];
        return (c.bond, c.since);
    }

    /// @notice Whether an offence of `kind` under a lease was punished.
    function isPunished(uint256 kind, bytes32 lease) external view returns (bool) {
        return _punished[_offenceKey(kind, lease)];
    }

    /// @notice Ppm of stake that offences of `orchestrator` in the broker's period of `round` have cost.
    function penaltyOf(address orchestrator, uint64 round) external view returns (uint256 ppm) {
        return _penalties[orchestrator][round / broker.periodRounds()];
    }

    /// @notice What a challenger commits to: keccak256(abi.encode(kind, keccak256(evidence), salt)), the salt being secret.
    function commitmentOf(uint256 kind, bytes calldata evidence, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(kind, keccak256(evidence), salt));
    }

    // ---------------------------------------------------------------- insides

    /// Takes the caller's commitment out, if now is the time to reveal it.
    function _take(bytes32 commitment) private returns (Commitment memory c) {
        c = _commitments[msg.sender][commitment];
        if (c.since == 0) revert NotCommitted(commitment);
        uint64 from = c.since + _terms.revealDelay;
        uint64 until = c.since + _terms.revealWindow;
        if (block.timestamp < from || block.timestamp > until) revert NotNow(from, until);
        delete _commitments[msg.sender][commitment];
    }

    /// Decides what the evidence proves, and that it was not punished before.
    function _judge(uint256 kind, bytes calldata evidence, uint64 committedAt)
        private
        returns (IEvidence.Offence memory offence)
    {
        IEvidence checker = _kinds[kind].checker;
        if (address(checker) == address(0)) revert UnknownKind(kind);
        offence = checker.judge(broker.domainSeparator(), evidence);
        uint64 round = offence.round;
        if (round > broker.currentRound()) revert OutOfTime(round);
        uint256 roundEnd = broker.genesis() + (uint256(round) + 1) * broker.roundLength();
        if (committedAt > roundEnd + _terms.evidencePeriod) revert OutOfTime(round);
        address operator = staking.operatorAt(offence.orchestrator, round);
        if (offence.signer != operator) revert NotTheOperator(offence.signer, operator);
        bytes32 key = _offenceKey(kind, offence.lease);
        if (_punished[key]) revert AlreadyPunished(offence.lease, kind);
        _punished[key] = true;
    }

    /// What of `ppm` the offences of the period leave to take.
    function _penalty(uint256 ppm, IEvidence.Offence memory offence) private returns (uint32) {
        mapping(uint256 period => uint256 ppm) storage penalties = _penalties[offence.orchestrator];
        uint256 period = offence.round / broker.periodRounds();
        uint256 before = penalties[period];
        ppm = Math.min(ppm, Math.saturatingSub(_terms.periodPpm, before));
        if (ppm != 0) penalties[period] = before + ppm;
        return uint32(ppm);
    }

    /// Slashes, jails and hands out what was taken.
    function _punish(uint256 ppm, uint64 jailRounds, IEvidence.Offence memory offence) private {
        address orchestrator = offence.orchestrator;
        uint256 amount = Math.mulDiv(staking.stakeAt(orchestrator, offence.round), ppm, PPM);
        (uint256 taken, uint256 own) = staking.slash(orchestrator, amount);
        if (jailRounds != 0) staking.jail(orchestrator, broker.currentRound() + jailRounds);

        uint256 toChallenger = Math.mulDiv(own, _terms.challengerPpm, PPM);
        uint256 toBroadcaster = Math.mulDiv(own, _terms.broadcasterPpm, PPM);
        emit Distributed(offence.lease, taken, toChallenger, toBroadcaster);
        token.safeTransfer(msg.sender, toChallenger);
        token.safeTransfer(offence.broadcaster, toBroadcaster);
        token.safeTransfer(_terms.treasury, taken - toChallenger - toBroadcaster);
    }

    function _setTerms(Terms calldata t) private {
        if (
            t.treasury == address(0) || t.revealDelay == 0 || t.revealWindow < t.revealDelay
                || uint256(t.challengerPpm) + t.broadcasterPpm > PPM / 2 || t.periodPpm == 0 || t.periodPpm > PPM
        ) revert InvalidTerms();
        _terms = t;
        emit TermsSet(t);
    }

    function _authorizeUpgrade(address) internal override restricted {}

    function _offenceKey(uint256 kind, bytes32 lease) private pure returns (bytes32) {
        return keccak256(abi.encode(kind, lease));
    }
}
