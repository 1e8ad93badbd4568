// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBeacon} from "./interfaces/IBeacon.sol";

/// @title PrevrandaoBeacon
/// @notice Randomness of the block that touches a round: its proposer can withhold it once, nobody can choose it.
contract PrevrandaoBeacon is IBeacon {
    /// @inheritdoc IBeacon
    function entropy(uint64 round) external view returns (bytes32) {
        return keccak256(abi.encode(round, block.prevrandao, blockhash(block.number - 1)));
    }
}
