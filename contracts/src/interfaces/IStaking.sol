// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IStaking
/// @notice What the TicketBroker asks of Staking: membership when somebody enrols, and a place for fees.
interface IStaking {
    /// @notice Number of orchestrators in the active set.
    function activeCount() external view returns (uint256);

    /// @notice True if `orchestrator` has been in the active set since before `round` began (in round 0: is in it now).
    function isEligible(address orchestrator, uint64 round) external view returns (bool);

    /// @notice Splits the value sent between `orchestrator` and the shares of its pool.
    function depositFees(address orchestrator) external payable;
}
