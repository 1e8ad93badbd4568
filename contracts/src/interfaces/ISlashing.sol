// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ISlashing
/// @notice What Disputes asks of Staking.
interface ISlashing {
    /// @notice The key that signs for `orchestrator` in `round`; zero if it was not registered.
    function operatorAt(address orchestrator, uint64 round) external view returns (address);

    /// @notice The stake behind `orchestrator` when `round` began.
    function stakeAt(address orchestrator, uint64 round) external view returns (uint256);

    /// @notice What the position of `delegator` is worth, its shares, and the fees that it may claim.
    function positionInfo(address orchestrator, address delegator)
        external
        view
        returns (uint256 stake, uint256 shares, uint256 fees);

    /// @notice Takes `amount` CAST of the stake behind `orchestrator`, its own first, and sends what it could take to the caller.
    function slash(address orchestrator, uint256 amount) external returns (uint256 taken);

    /// @notice Keeps `orchestrator` out of the active set until `untilRound`.
    function jail(address orchestrator, uint64 untilRound) external;
}
