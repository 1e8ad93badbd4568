// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IActiveStake
/// @notice What Rounds asks of Staking: how much of the supply is at work.
interface IActiveStake {
    /// @notice CAST behind the active set.
    function totalActiveStake() external view returns (uint256);
}
