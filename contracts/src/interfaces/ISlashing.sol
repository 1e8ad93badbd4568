// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ISlashing
/// @notice What Disputes asks of Staking.
interface ISlashing {
    /// @notice The key that signs for `orchestrator` in `round`; zero if it was not registered.
    function operatorAt(address orchestrator, uint64 round) external view returns (address);

    /// @notice The stake behind `orchestrator` when `round` began.
    function stakeAt(address orchestrator, uint64 round) external view returns (uint256);

    /// @notice Takes `amount` CAST of the stake behind `orchestrator`, the owner's own first, and sends what it could take to the
    /// caller; `own` is the owner's part of it.
    function slash(address orchestrator, uint256 amount) external returns (uint256 taken, uint256 own);

    /// @notice Keeps `orchestrator` out of the active set until `untilRound`.
    function jail(address orchestrator, uint64 untilRound) external;
}
