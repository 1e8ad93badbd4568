// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";

/// Builds the trees that a sender allocates its reserve by. An odd node moves up a level as it is.
library MerkleSum {
    struct Leaf {
        address recipient;
        uint96 amount;
    }

    function root(Leaf[] memory leaves) internal pure returns (bytes32 hash, uint256 sum) {
        Reserves.Sibling[] memory level = _hashed(leaves);
        while (level.length > 1) {
            level = _up(level);
        }
        return (level[0].hash, level[0].sum);
    }

    function path(Leaf[] memory leaves, uint256 index)
        internal
        pure
        returns (uint256 position, Reserves.Sibling[] memory siblings)
    {
        Reserves.Sibling[] memory level = _hashed(leaves);
        Reserves.Sibling[] memory found = new Reserves.Sibling[](16);
        uint256 steps;
        while (level.length > 1) {
            if (index ^ 1 < level.length) {
                position |= (index & 1) << steps;
                found[steps++] = level[index ^ 1];
            }
            level = _up(level);
            index /= 2;
        }
        siblings = new Reserves.Sibling[](steps);
        for (uint256 i = 0; i < steps; ++i) {
            siblings[i] = found[i];
        }
    }

    function leaf(address recipient, uint96 amount) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(0), recipient, amount));
    }

    function node(Reserves.Sibling memory l, Reserves.Sibling memory r) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), l.hash, l.sum, r.hash, r.sum));
    }

    function _hashed(Leaf[] memory leaves) private pure returns (Reserves.Sibling[] memory level) {
        level = new Reserves.Sibling[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = Reserves.Sibling(leaf(leaves[i].recipient, leaves[i].amount), leaves[i].amount);
        }
    }

    function _up(Reserves.Sibling[] memory level) private pure returns (Reserves.Sibling[] memory next) {
        next = new Reserves.Sibling[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            if (2 * i + 1 == level.length) {
                next[i] = level[2 * i];
            } else {
                next[i] =
                    Reserves.Sibling(node(level[2 * i], level[2 * i + 1]), level[2 * i].sum + level[2 * i + 1].sum);
            }
        }
    }
}
