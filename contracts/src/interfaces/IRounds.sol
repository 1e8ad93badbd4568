// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IRounds
/// @notice The network's clock and mint, as Staking and TicketBroker use it.
interface IRounds {
    /// @notice Seconds since the epoch at which round 0 began.
    function genesis() external view returns (uint64);

    /// @notice Seconds that a round lasts.
    function roundLength() external view returns (uint64);

    /// @notice The round of the present block.
    function currentRound() external view returns (uint64);

    /// @notice Records the beacon and the emission of the present round, if nobody has; returns the round.
    function touch() external returns (uint64 round);

    /// @notice Mints the emission for `stake` out of `activeStake` in the present round to Staking.
    function mintReward(uint256 stake, uint256 activeStake) external returns (uint256 amount);
}
