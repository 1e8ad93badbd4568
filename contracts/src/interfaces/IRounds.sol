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

    /// @notice Records the beacon of the present round and mints the emission that is due, if nobody has; returns the round.
    function touch() external returns (uint64 round);

    /// @notice Touches, and hands the emission that was minted to Staking since the last call over to its books.
    function collect() external returns (uint256 amount);
}
