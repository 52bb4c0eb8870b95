// @ts-check
/** The decks that the gateway knows, by id, with the names of their cards. */
export const decks = Object.freeze({
  fibonacci: ['0', '1', '2', '3', '5', '8', '13', '21', '34', '55', '89', '?', 'coffee'],
  modified_fibonacci: ['0', '0.5', '1', '2', '3', '5', '8', '13', '20', '40', '100', '?', 'coffee'],
  short: ['0.5', '1', '2', '3', '5', '8', '13', '?', 'coffee'],
  tshirt: ['XS', 'S', 'M', 'L', 'XL', 'XXL', '?', 'coffee'],
  powers: ['1', '2', '4', '8', '16', '32', '64', '?', 'coffee'],
  linear: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '?', 'coffee'],
  hours: ['1', '2', '4', '8', '16', '24', '40', '?', 'coffee'],
  days: ['0.5', '1', '2', '3', '5', '8', '10', '?', 'coffee'],
  risk: ['Low', 'Medium', 'High', 'Critical', '?'],
  confidence: ['0', '1', '2', '3', '4', '5'],
  yesno: ['Yes', 'No', '?'],
});
