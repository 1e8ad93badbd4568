// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IEvidence
/// @notice A kind of offence that a contract can decide from signatures and arithmetic alone. Disputes holds one per kind; a new
/// kind of evidence is a new contract behind this interface. It keeps no state and asks nobody.
interface IEvidence {
    /// @notice What evidence proves. That `signer` was the orchestrator's key in the lease's round is for Disputes to check.
    struct Offence {
        bytes32 lease; // struct hash
        address orchestrator;
        address broadcaster;
        address signer; // whose signature proves it
        uint64 round; // whose stake and keys judge the lease
    }

    /// @notice Returns what `evidence` proves, and reverts if that is nothing.
    /// @param domainSeparator the EIP-712 domain of everything that is signed
    /// @param evidence as the kind encodes it
    function judge(bytes32 domainSeparator, bytes calldata evidence) external view returns (Offence memory);
}
