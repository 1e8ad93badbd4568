// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title CastToken
/// @notice CAST, the token that is staked behind orchestrators. Rounds alone can mint it, as emission.
contract CastToken is ERC20, ERC20Permit {
    /// @notice One entry of the initial distribution.
    struct Allocation {
        address account;
        uint256 amount;
    }

    /// @notice The only account that may mint.
    address public immutable minter;

    /// @notice `caller` is not the minter.
    error NotMinter(address caller);

    /// @param minter_ the Rounds contract
    /// @param supply the initial distribution
    constructor(address minter_, Allocation[] memory supply) ERC20("Castnet", "CAST") ERC20Permit("Castnet") {
        minter = minter_;
        for (uint256 i = 0; i < supply.length; ++i) {
            _mint(supply[i].account, supply[i].amount);
        }
    }

    /// @notice Creates `amount` for `account`.
    function mint(address account, uint256 amount) external {
        if (msg.sender != minter) revert NotMinter(msg.sender);
        _mint(account, amount);
    }
}
