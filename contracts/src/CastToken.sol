// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title CastToken
/// @notice CAST, the token that is staked behind orchestrators. Rounds alone can mint it, as emission, up to the cap.
contract CastToken is ERC20Burnable, ERC20Capped, ERC20Permit {
    /// @notice One entry of the initial distribution.
    struct Allocation {
        address account;
        uint256 amount;
    }

    /// @notice The only account that may mint.
    address public immutable minter;

    /// @notice `caller` is not the minter.
    error NotMinter(address caller);
    /// @notice Staking counts CAST in 96 bits.
    error CapTooHigh(uint256 cap);

    /// @param minter_ the Rounds contract
    /// @param cap_ CAST that there can be at once, at most
    /// @param supply the initial distribution
    constructor(address minter_, uint256 cap_, Allocation[] memory supply)
        ERC20("Castnet", "CAST")
        ERC20Capped(cap_)
        ERC20Permit("Castnet")
    {
        if (cap_ > type(uint96).max) revert CapTooHigh(cap_);
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

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Capped) {
        super._update(from, to, amount);
    }
}
