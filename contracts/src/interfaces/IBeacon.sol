// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IBeacon
/// @notice A source of public randomness, one value a round. Rounds mixes it with what it recorded before.
interface IBeacon {
    /// @notice Randomness for `round`, which begins now. Rounds asks once a round; a source that reverts is passed over.
    function entropy(uint64 round) external returns (bytes32);
}
