// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Shares
/// @notice The arithmetic of a pot of CAST that many own parts of. Rounding is against whoever asks, so that no sequence of
/// deposits and withdrawals takes out more than was put in. An empty pot sells a share for one CAST unit. All amounts and
/// shares are below 2^128, so that products fit.
library Shares {
    /// @notice Shares that `amount` buys.
    function bought(uint256 amount, uint256 stake, uint256 shares) internal pure returns (uint256) {
        return shares == 0 ? amount : (amount * shares) / stake;
    }

    /// @notice Shares that must be given up for `amount`.
    function sold(uint256 amount, uint256 stake, uint256 shares) internal pure returns (uint256) {
        return Math.ceilDiv(amount * shares, stake);
    }

    /// @notice CAST that `part` of the shares is worth.
    function worth(uint256 part, uint256 stake, uint256 shares) internal pure returns (uint256) {
        return part == 0 ? 0 : (part * stake) / shares;
    }
}
