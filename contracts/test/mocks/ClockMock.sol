// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRounds} from "../../src/interfaces/IRounds.sol";

/// The clock that the broker copies.
contract ClockMock is IRounds {
    uint64 public immutable genesis;
    uint64 public immutable roundLength;

    constructor(uint64 roundLength_) {
        genesis = uint64(block.timestamp);
        roundLength = roundLength_;
    }

    function currentRound() external view returns (uint64) {
        return (uint64(block.timestamp) - genesis) / roundLength;
    }

    function touch() external pure returns (uint64) {
        return 0;
    }

    function collect() external pure returns (uint256) {
        return 0;
    }
}
