// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Delegation} from "./Delegation.sol";
import {Registration} from "./StakingState.sol";

/// @title Registry
/// @notice Who is an orchestrator, what its owner says about it, and its way into and out of the active set. The owner's key can
/// stay cold: the hot operator key signs on the wire and owns nothing.
abstract contract Registry is Delegation {
    using Checkpoints for Checkpoints.Trace208;

    bytes32 private constant CONSENT = keccak256("OperatorConsent(address orchestrator)");
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice Enters the caller as an orchestrator and bonds `stake` of its CAST; joins the active set if there is room.
    /// @param r what the owner states; its cuts are in force at once
    /// @param consent the operator key's signature of OperatorConsent, or empty
    function register(Registration calldata r, uint256 stake, bytes calldata consent) external {
        Pool storage pool = _pools[msg.sender];
        if (pool.registered) revert AlreadyRegistered(msg.sender);
        pool.registered = true;
        emit Registered(msg.sender);
        _setOperator(pool, r.operator, _currentRound(), consent);
        _setServiceURI(pool, r.serviceURI);
        _setCapabilities(pool, r.capabilities);
        _checkCuts(r.rewardCut, r.feeShare);
        pool.rewardCut = uint24(r.rewardCut);
        pool.feeShare = uint24(r.feeShare);
        emit CutsSet(msg.sender, r.rewardCut, r.feeShare);
        if (stake != 0) delegate(msg.sender, stake);
    }

    /// @notice Changes the caller's operator key from the next round on.
    /// @param consent the new key's signature of OperatorConsent, or empty. It takes a key back that another owner named without
    /// its consent.
    function setOperator(address operator, bytes calldata consent) external {
        _setOperator(_registered(msg.sender), operator, _currentRound() + 1, consent);
    }

    /// @notice Changes where the caller's orchestrator is reached.
    function setServiceURI(string calldata serviceURI) external {
        _setServiceURI(_registered(msg.sender), serviceURI);
    }

    /// @notice Changes what the caller's orchestrator says it can do.
    function setCapabilities(uint256 capabilities) external {
        _setCapabilities(_registered(msg.sender), capabilities);
    }

    /// @notice Announces the caller's cuts. They come into force after one unbonding period: who begins to leave when they are
    /// announced is out before they hold, and who moves pays them never. Announcing again begins the period anew.
    function setCuts(uint32 rewardCut, uint32 feeShare) external {
        Pool storage pool = _registered(msg.sender);
        _checkCuts(rewardCut, feeShare);
        _advance();
        _settle(msg.sender, pool);
        uint64 cutsAt = uint64(block.timestamp) + unbondingPeriod;
        pool.cutsAnnounced = true;
        pool.nextRewardCut = uint24(rewardCut);
        pool.nextFeeShare = uint24(feeShare);
        pool.cutsAt = cutsAt;
        emit CutsAnnounced(msg.sender, rewardCut, feeShare, cutsAt);
    }

    /// @notice Puts the caller into the active set: into a free place, or the place of `victim`, who has less stake.
    function join(address victim) external {
        Pool storage pool = _registered(msg.sender);
        if (pool.place != 0) revert AlreadyActive(msg.sender);
        if (_currentRound() < pool.jailedUntil) revert InJail(msg.sender, pool.jailedUntil);
        uint256 self = _selfStake(msg.sender, pool);
        if (self < minSelfStake) revert SelfStakeTooLow(self, minSelfStake);
        _advance();
        uint256 size = _active.length;
        if (size < maxActive) {
            _active.push();
            _join(msg.sender, pool, size + 1);
            return;
        }
        Pool storage loser = _pools[victim];
        _settle(victim, loser);
        uint256 place = loser.place;
        if (place == 0 || loser.stake >= pool.stake) revert SetFull(victim);
        _vacate(victim, loser);
        _join(msg.sender, pool, place);
    }

    /// @notice Takes the caller out of the active set. Its stake stays where it is.
    function leaveSet() external {
        Pool storage pool = _pools[msg.sender];
        if (pool.place == 0) revert NotActive(msg.sender);
        _advance();
        _settle(msg.sender, pool);
        _leave(msg.sender, pool);
    }

    /// @notice What an operator key signs to agree to serve `orchestrator`: OperatorConsent(address orchestrator) by EIP-712,
    /// in the domain "Castnet", "1", of this chain and this contract.
    function consentDigest(address orchestrator) public view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN, keccak256("Castnet"), keccak256("1"), block.chainid, address(this)));
        return MessageHashUtils.toTypedDataHash(domain, keccak256(abi.encode(CONSENT, orchestrator)));
    }

    function _setOperator(Pool storage pool, address operator, uint64 fromRound, bytes calldata consent) private {
        Key storage key = _keys[operator];
        bool consented = consent.length != 0;
        if (consented) {
            address signer = ECDSA.recover(consentDigest(msg.sender), consent);
            if (signer != operator) revert InvalidConsent(signer, operator);
        }
        bool others = key.orchestrator != address(0) && key.orchestrator != msg.sender;
        bool taken = others && (key.consented || !consented);
        if (operator == address(0) || operator == msg.sender || taken) revert InvalidOperator(operator);
        consented = consented || (!others && key.consented);
        _keys[operator] = Key(msg.sender, consented);
        pool.operators.push(uint48(fromRound), uint160(operator));
        emit OperatorSet(msg.sender, operator, fromRound, consented);
    }

    function _setServiceURI(Pool storage pool, string calldata serviceURI) private {
        uint256 length = bytes(serviceURI).length;
        if (length == 0 || length > MAX_URI_LENGTH) revert InvalidServiceURI(length);
        pool.serviceURI = serviceURI;
        emit ServiceURISet(msg.sender, serviceURI);
    }

    function _setCapabilities(Pool storage pool, uint256 capabilities) private {
        pool.capabilities = capabilities;
        emit CapabilitiesSet(msg.sender, capabilities);
    }

    function _checkCuts(uint32 rewardCut, uint32 feeShare) private pure {
        if (rewardCut > PPM) revert InvalidCut(rewardCut);
        if (feeShare > PPM) revert InvalidCut(feeShare);
    }
}
