// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEvidence} from "../interfaces/IEvidence.sol";
import {Receipts} from "./Receipts.sol";

/// @title TwoReceipts
/// @notice Evidence E1: two different receipts for one attempt at one segment of one lease, signed by one key.
contract TwoReceipts is IEvidence {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Receipt;

    /// @notice The lease, whose hash both receipts name, and the receipts.
    struct Evidence {
        Receipts.Lease lease;
        Receipts.SignedReceipt first;
        Receipts.SignedReceipt second;
    }

    /// @notice The receipts are not for the lease, or not for the same attempt at the same segment.
    error NotOneAttempt();
    /// @notice The receipts say the same.
    error OneReceipt();
    /// @notice The receipts were signed by different keys.
    error TwoSigners(address first, address second);

    /// @inheritdoc IEvidence
    function judge(bytes32 domainSeparator, bytes calldata evidence) external pure returns (Offence memory) {
        Evidence memory e = abi.decode(evidence, (Evidence));
        Receipts.Receipt memory a = e.first.receipt;
        Receipts.Receipt memory b = e.second.receipt;
        bytes32 lease = e.lease.hash();
        if (a.lease != lease || b.lease != lease || a.seq != b.seq || a.attempt != b.attempt) revert NotOneAttempt();
        bytes32 hashA = a.hash();
        bytes32 hashB = b.hash();
        if (hashA == hashB) revert OneReceipt();
        address signer = Receipts.signer(domainSeparator, hashA, e.first.signature);
        address other = Receipts.signer(domainSeparator, hashB, e.second.signature);
        if (signer != other) revert TwoSigners(signer, other);
        return Offence(lease, e.lease.orchestrator, e.lease.broadcaster, signer, e.lease.round);
    }

    /// @notice The bytes that `judge` takes.
    function pack(Evidence calldata evidence) external pure returns (bytes memory) {
        return abi.encode(evidence);
    }
}
